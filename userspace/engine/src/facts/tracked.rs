//! What the router's own connection tracking says of a session and of its media.

use rtspscope_wire::netfilter::Status;

use super::{MediaFacts, SessionFacts};
use crate::input::LossKind;
use crate::locator::Locator;
use crate::model::{AlgAction, Expected, Mapping, Netfilter, Side};

impl<'a> SessionFacts<'a> {
    /// What was said of the session; `None` where nobody listened.
    pub(crate) fn netfilter(self) -> Option<&'a Netfilter> {
        self.session.netfilter.as_ref()
    }

    /// The helper that reads along, by name.
    pub(crate) fn helper(self) -> Option<&'a str> {
        self.netfilter()?.helper()
    }

    /// That a helper changed the length of the text, and by how many bytes where that was told.
    pub(crate) fn adjusted(self) -> Option<(Locator, Option<[i32; 2]>)> {
        let entry = self.netfilter()?.connection.as_ref()?;
        let by_status = entry.status.has(Status::SEQ_ADJUST);
        let offsets = entry.sequence_offsets.filter(|offsets| *offsets != [0; 2]);
        (by_status || offsets.is_some()).then_some((entry.status_at, offsets))
    }

    /// What an ALG did at least, by the kernel's own word; `None` where it says nothing of one.
    pub(crate) fn told_action(self) -> Option<AlgAction> {
        if self.adjusted().is_some() {
            return Some(AlgAction::Rewrite);
        }
        let expects = !self.netfilter()?.expectations.is_empty();
        expects.then_some(AlgAction::Pinhole)
    }

    /// The session's entries whose packets go past netfilter or past the processor.
    pub(crate) fn offloaded(self) -> impl Iterator<Item = &'a Mapping> {
        let netfilter = self.netfilter().into_iter();
        let entries = netfilter.flat_map(|told| told.connection.iter().chain(&told.mappings));
        entries.filter(|entry| entry.offloaded())
    }
}

impl<'a> MediaFacts<'a> {
    /// The last entry of the client's RTP port.
    pub(crate) fn mapping(self) -> Option<&'a Mapping> {
        let leg = self.facts.session.legs.first()?;
        let port = self.negotiated_at(0).client_rtp_port?;
        let end = std::net::SocketAddr::new(leg.client.ip(), port);
        let mappings = self.facts.netfilter()?.mappings.iter();
        mappings.rev().find(|mapping| mapping.touches(end))
    }

    /// The entry through which the medium came to the client, where the table kept it though nothing more came: it is not its
    /// end that held the medium back. Of a table of which not all was told nobody knows that, nor where the client's host refused
    /// packets (ICMP): something in the router may have acted on that, whatever the table keeps.
    pub(crate) fn lasting_mapping(self) -> Option<&'a Mapping> {
        let to_client = self.sender() == Side::Server;
        let rtp = &self.arrival(0).filter(|_| to_client)?.rtp;
        let (from, to, last) = (rtp.from?, rtp.to?, rtp.last?);
        let is_missed =
            |kind: &LossKind| matches!(kind, LossKind::NetfilterOverrun | LossKind::NetfilterCap);
        let mut losses = self.facts.capture.losses.iter();
        let is_missed = losses.any(|(kind, count)| *count > 0 && is_missed(kind));
        if is_missed || self.refused().is_some() {
            return None;
        }
        let mut mappings = self.facts.netfilter()?.mappings.iter();
        mappings.find(|mapping| {
            let was_there = !mapping.began || mapping.first.at <= last.at;
            mapping.touches(from) && mapping.touches(to) && was_there && mapping.ended.is_none()
        })
    }

    /// The first expectation of a helper for the medium's RTP port, as any leg shows it.
    pub(crate) fn expected(self) -> Option<&'a Expected> {
        let legs = 0..self.facts.session.legs.len();
        let ports: Vec<_> = legs
            .filter_map(|leg| self.negotiated_at(leg).client_rtp_port)
            .collect();
        let mut expectations = self.facts.netfilter()?.expectations.iter();
        expectations.find(|expected| ports.contains(&expected.expected.to.port()))
    }

    /// Whether the packets of the medium may pass where no tap sees them.
    pub(crate) fn may_be_offloaded(self) -> bool {
        let carrier = if self.in_band() {
            self.facts
                .netfilter()
                .and_then(|told| told.connection.as_ref())
        } else {
            self.mapping()
        };
        carrier.is_some_and(Mapping::offloaded)
    }
}
