//! What connections have to tell: events for the host, and new uses of ports for the flows.

use std::collections::VecDeque;
use std::net::IpAddr;

use rtspscope_wire::{TapId, Timestamp};

use crate::flow::{Fence, FlowTable};
use crate::input::{Carrier, LossKind};
use crate::media;
use crate::model::Exchange;
use crate::output::Event;
use crate::record::{Notice, Record, Speech};
use crate::taps::Taps;

/// Directions that wait to be taken; nobody takes them from saved captures.
const MAX_CARRIERS: usize = 1024;

/// Events that wait, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    max: usize,
}

impl Events {
    /// None, and room for so many.
    pub(super) fn at_most(max: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            max: max.max(1),
        }
    }

    /// Whether none wait.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Adds an event and says whether another fell for it.
    fn push(&mut self, event: Event) -> bool {
        let full = self.queue.len() >= self.max;
        if full {
            self.queue.pop_front();
        }
        self.queue.push_back(event);
        full
    }
}

/// Has an event wait; one that falls for it is counted.
pub(super) fn tell(event: Event, taps: &mut Taps, events: &mut Events) {
    if events.push(event) {
        taps.count_loss(LossKind::EventCap, 1);
    }
}

/// Acts on all that a connection has to tell.
pub(super) fn pass_on(
    notices: &mut Vec<Notice>,
    record: &Record,
    carriers: &mut Vec<Carrier>,
    (taps, flows, events): (&mut Taps, &mut FlowTable, &mut Events),
) {
    for notice in notices.drain(..) {
        note_carrier(&notice, record, carriers);
        act_on(notice, record, taps, flows, events);
    }
}

/// Remembers a direction that has begun to carry media.
fn note_carrier(notice: &Notice, record: &Record, carriers: &mut Vec<Carrier>) {
    if let Notice::MediaBegan { sender, .. } = notice
        && carriers.len() < MAX_CARRIERS
        && let (Some(from), Some(to)) = (record.ends.get(*sender), record.ends.get(1 - sender))
    {
        carriers.push(Carrier {
            tap: record.tap,
            from: *from,
            to: *to,
        });
    }
}

/// Does what a connection's news asks for, and passes it on.
pub(super) fn act_on(
    notice: Notice,
    record: &Record,
    taps: &mut Taps,
    flows: &mut FlowTable,
    events: &mut Events,
) {
    let (client, server) = (record.client_address(), record.server_address());
    let event = match notice {
        Notice::Started { at } => {
            let encrypted = record.speech == Speech::Tls;
            Event::SessionStarted {
                at,
                client,
                server,
                encrypted,
            }
        }
        Notice::Message {
            message,
            method,
            cseq,
        } => Event::Message {
            client,
            server,
            method,
            cseq,
            message,
        },
        Notice::Playing { at } => Event::Playing { at, client, server },
        Notice::MediaBegan { at, sender, ssrc } => {
            let (from, to) = if sender == record.client() {
                (client, server)
            } else {
                (server, client)
            };
            Event::MediaArrived {
                at,
                from,
                to,
                ssrc: Some(ssrc),
            }
        }
        Notice::Ended { at, by, reset } => Event::Ended {
            at,
            client,
            server,
            by,
            reset,
        },
        Notice::SetUp { exchange } => return fence(&exchange, record, flows),
        Notice::GoesOn(how) => {
            return flows.go_on(record.tap, (server.ip(), client.ip()), &how);
        }
        Notice::ChannelRefused => return taps.count_loss(LossKind::FlowCap, 1),
        Notice::MessageDropped => return taps.count_loss(LossKind::MessageCap, 1),
    };
    tell(event, taps, events);
}

/// An accepted SETUP begins a new use of the ports that it names.
fn fence(setup: &Exchange, record: &Record, flows: &mut FlowTable) {
    let agreed = media::negotiated(setup, None);
    let ports = [
        agreed.client_rtp_port,
        agreed.client_rtcp_port,
        agreed.answered_rtp_port,
        agreed.answered_rtcp_port,
    ];
    let mut ports: Vec<u16> = ports.into_iter().flatten().collect();
    ports.dedup();
    if !ports.is_empty() {
        let fence = if media::repeats_setup(record.exchanges.list()) {
            Fence::Repeated
        } else {
            Fence::Anew
        };
        flows.fence(record.tap, record.client_address().ip(), &ports, fence);
    }
    let servers = [agreed.server_rtp_port, agreed.server_rtcp_port];
    let servers: Vec<u16> = servers.into_iter().flatten().collect();
    if let (false, Some(answer)) = (servers.is_empty(), setup.response.as_ref()) {
        let (client, server) = (record.client_address().ip(), record.server_address().ip());
        let times = [free_since(record), answer.at.at];
        flows.fence_old((record.tap, client, server), &servers, times);
    }
    if media::may_be_sent_by_client(setup) {
        let server = record.server_address().ip();
        let ports = [agreed.server_rtp_port, agreed.server_rtcp_port];
        let ports: Vec<u16> = ports.into_iter().flatten().collect();
        flows.watch(record.tap, server, &ports);
    }
    if let Some((group, rtp, rtcp)) = agreed.multicast {
        flows.watch(record.tap, group, &[rtp, rtcp]);
        fence_reports(record.tap, (group, rtp, rtcp), flows);
    } else {
        // A group may stand in the description alone, of which medium does not matter for news.
        for group in media::described_groups(record.exchanges.list()) {
            let agreed = media::negotiated(setup, Some(group));
            if let Some((group, rtp, rtcp)) = agreed.multicast {
                flows.watch(record.tap, group, &[rtp, rtcp]);
                fence_reports(record.tap, (group, rtp, rtcp), flows);
            }
        }
    }
}

/// Whoever comes to a group has to do with the reports from then on; its media goes on or not, as its numbers tell.
fn fence_reports(tap: TapId, (group, rtp, rtcp): (IpAddr, u16, u16), flows: &mut FlowTable) {
    if rtp != rtcp {
        flows.fence(tap, group, &[rtcp], Fence::Repeated);
    }
}

/// Since when a connection may have used ports of the server: its begin, or its last TEARDOWN.
fn free_since(record: &Record) -> Timestamp {
    let exchanges = record.exchanges.list().iter().rev();
    let mut torn_down = exchanges.filter(|exchange| exchange.is("TEARDOWN"));
    let asked = torn_down.find_map(|exchange| Some(exchange.request.as_ref()?.at.at));
    asked.unwrap_or(record.first.at)
}
