//! Counts of one directed media flow, UDP or interleaved, with the places where a person finds its ends again.

mod anew;
mod reports;
mod video;

use std::net::SocketAddr;

use rtsp_ebpf_common::flow::{Class, FlowStats, Payload};
use rtsp_ebpf_common::rtp::{Numbers, Placed, RtpCounters};

use rtspscope_wire::{TapId, Timestamp};

use crate::input::{ChannelCounters, KeyPictures, PictureTotals};
use crate::jitter::JitterBank;
use crate::locator::Locator;
use crate::model::{Outage, Timeline};
use crate::timeline::{Tally, Totals};
pub(crate) use anew::GoesOn;
use anew::{Anew, Begins};
pub(crate) use reports::{Reports, far_end};
use video::VideoTally;
pub(crate) use video::{Codec, Pictures};

/// What passed in one directed flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaCount {
    /// The counters that the kernel keeps too.
    pub(crate) stats: FlowStats,
    /// What it does not keep, of each of the two sources.
    first: Details,
    second: Option<Box<Details>>,
    /// What the RTCP says.
    reports: Option<Box<Reports>>,
    /// Where the media goes on after another PLAY, until that is known.
    anew: Option<Box<Anew>>,
    /// How the RTP came over time, where that is kept.
    tally: Option<Box<Tally>>,
    /// The kernel counted some of the packets, which nobody has looked into.
    is_unseen: bool,
    pub(crate) first_rtp: Option<Locator>,
    pub(crate) last_rtp: Option<Locator>,
    pub(crate) first_rtcp: Option<Locator>,
    /// First and last of what is neither RTP nor RTCP.
    pub(crate) first_other: Option<Locator>,
    pub(crate) last_other: Option<Locator>,
}

/// What only the packets themselves tell of one source.
#[derive(Clone, Debug, Default)]
struct Details {
    bank: JitterBank,
    video: VideoTally,
    /// The pictures were told, whoever saw the packets.
    is_told: bool,
    outage: Option<Outage>,
}

/// Whose pictures they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PicturesOf {
    pub(crate) tap: TapId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) channel: Option<u8>,
}

/// One source of RTP in a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) counters: &'a RtpCounters,
    /// Its sequence numbers. Of two sources that number together the main one has those of both.
    pub(crate) numbers: Numbers,
    details: Option<&'a Details>,
    /// Of the one that numbers its packets together with it.
    partner: Option<&'a Details>,
    is_unseen: bool,
}

impl Source<'_> {
    /// Jitter in ns for a clock of `rate` Hz; the kernel's where the kernel counted with a clock.
    pub(crate) fn jitter_ns(&self, rate: u32) -> Option<u64> {
        let counted = || self.counters.jitter_ns();
        let seen = || self.details?.bank.jitter_ns(rate);
        if self.is_unseen {
            counted().or_else(seen)
        } else {
            seen().or_else(counted)
        }
    }

    /// The greatest loss at one time; `None` also where another source has the numbers that this one lacks.
    pub(crate) fn outage(&self) -> Option<Outage> {
        self.details.filter(|_| self.partner.is_none())?.outage
    }

    /// The pictures of a video; `None` where the packets were not seen.
    pub(crate) fn pictures(&self, codec: Codec) -> Option<Pictures> {
        let seen = self.details;
        let seen = seen.filter(|details| !self.is_unseen || details.is_told)?;
        let own = seen.video.pictures(codec)?;
        let partner = self.partner.map(|partner| &partner.video);
        let beside = partner.and_then(|partner| partner.pictures(codec));
        Some(beside.map_or(own, |beside| own.with(&beside)))
    }
}

impl MediaCount {
    /// Takes in a datagram or interleaved frame, of which `bytes` were captured.
    #[inline]
    pub(crate) fn update(&mut self, payload: &Payload, bytes: &[u8], at: Locator) {
        // No number is missing between such a packet and the last.
        if self.anew.is_none() && self.stats.record_next(payload, at.at.as_nanos()) {
            self.first.update(Placed::Onward, payload, bytes, at);
            self.place(Class::Rtp, at);
        } else {
            self.update_any(payload, bytes, at);
        }
    }

    #[cold]
    fn update_any(&mut self, payload: &Payload, bytes: &[u8], at: Locator) {
        let begins = self.anew.is_some() && self.look_for_begin(payload);
        let own = if self.stats.rtp.ssrc == payload.ssrc || self.stats.rtp.packets == 0 {
            &self.stats.rtp
        } else {
            &self.stats.second
        };
        let before = (own.lost(), own.last_ns);
        let placed = self.stats.record(payload, at.at.as_nanos(), 0);
        if let Some(anew) = &mut self.anew {
            anew.count(payload, at.at.as_nanos());
        }
        if let Some((placed, is_first)) = placed {
            let placed = if begins { Placed::Anew } else { placed };
            let (details, lost) = if is_first {
                (&mut self.first, self.stats.rtp.lost())
            } else {
                (
                    &mut **self.second.get_or_insert_default(),
                    self.stats.second.lost(),
                )
            };
            details.note_loss(before, lost, at);
            details.update(placed, payload, bytes, at);
        }
        self.place(payload.class, at);
        self.read_reports(payload.class, bytes, at);
    }

    /// Takes note of where the media goes on after another PLAY. What the kernel counts it counts by itself.
    pub(crate) fn go_on(&mut self, how: &GoesOn) {
        let (told, anywhere) = match how {
            GoesOn::Asked if self.is_media() => {
                self.anew.get_or_insert_default();
                return;
            }
            GoesOn::With(told) => (told.as_slice(), false),
            GoesOn::Anywhere => (&[][..], true),
            GoesOn::Asked | GoesOn::Unknown => {
                self.anew = None;
                return;
            }
        };
        let begun = self
            .anew
            .as_mut()
            .and_then(|anew| anew.answer(told, anywhere));
        if let Some(stats) = begun {
            self.stats = stats;
            self.anew = None;
        }
    }

    /// Begins a numbering where a packet does as was told, and says so.
    #[cold]
    fn look_for_begin(&mut self, payload: &Payload) -> bool {
        let Some(anew) = self.anew.as_mut().filter(|_| payload.class == Class::Rtp) else {
            return false;
        };
        match anew.look(payload, &self.stats) {
            Begins::With(seq) => {
                self.stats.begin_at(payload.ssrc, seq);
                self.anew = None;
                true
            }
            Begins::NotYet => false,
            Begins::Never => {
                self.anew = None;
                false
            }
        }
    }

    /// Remembers where a packet was seen without counting it.
    pub(crate) fn place(&mut self, class: Class, at: Locator) {
        match class {
            Class::Rtp => {
                fill(&mut self.first_rtp, at);
                self.last_rtp = Some(at);
            }
            Class::Rtcp => fill(&mut self.first_rtcp, at),
            Class::Other => {
                fill(&mut self.first_other, at);
                self.last_other = Some(at);
            }
            Class::Stun | Class::Dtls => {}
        }
    }

    /// Reads what RTCP says; the kernel counts it and leaves that to us.
    #[inline]
    pub(crate) fn read_reports(&mut self, class: Class, bytes: &[u8], at: Locator) {
        if class == Class::Rtcp {
            let reports = self.reports.get_or_insert_default();
            reports.note(bytes, at);
        }
    }

    /// Takes over the kernel's counts. What was read of single packets before is of a few samples and means nothing.
    pub(crate) fn set_kernel_counts(&mut self, stats: &FlowStats) {
        self.stats = *stats;
        self.anew = None;
        self.first = Details::default();
        self.second = None;
    }

    /// The pictures of each source that were seen or told.
    pub(crate) fn picture_totals(&self, from: PicturesOf) -> impl Iterator<Item = PictureTotals> {
        let sources = [
            (&self.stats.rtp, Some(&self.first)),
            (&self.stats.second, self.second.as_deref()),
        ];
        let is_unseen = self.is_unseen;
        sources.into_iter().filter_map(move |(counters, details)| {
            let known = details.filter(|details| !is_unseen || details.is_told)?;
            let (all, [h264, h265]) = known.video.totals()?;
            Some(PictureTotals {
                tap: from.tap,
                from: from.from,
                to: from.to,
                channel: from.channel,
                ssrc: counters.ssrc,
                all,
                h264,
                h265,
            })
        })
    }

    /// Takes in what was told of the pictures of a source, in the place of what was seen of them.
    pub(crate) fn set_pictures(&mut self, totals: &PictureTotals) {
        let details = if self.stats.rtp.ssrc == totals.ssrc {
            &mut self.first
        } else if self.stats.second.ssrc == totals.ssrc {
            self.second.get_or_insert_default()
        } else {
            return;
        };
        (details.video, details.is_told) = (VideoTally::of(totals), true);
    }

    /// Goes on with counts to which the kernel's, of packets that nobody else saw, were added.
    pub(crate) fn go_on_with(&mut self, stats: &FlowStats, counted: &ChannelCounters) {
        self.stats = *stats;
        if counted.stats.packets == 0 {
            return;
        }
        self.is_unseen = true;
        self.anew = None;
        self.last_rtp = Some(Locator {
            tap: counted.tap,
            frame: None,
            at: Timestamp(counted.stats.last_ns),
            stream_offset: None,
        });
        if self.is_followed() {
            self.follow();
        }
    }

    /// The source of RTP that was heard last.
    pub(crate) fn last_source(&self) -> Option<&RtpCounters> {
        let sources = [&self.stats.rtp, &self.stats.second];
        let heard = sources.into_iter().filter(|source| source.packets > 0);
        heard.max_by_key(|source| source.last_ns)
    }

    /// Whether pictures of a source have come from which decoding can start.
    pub(crate) fn key_pictures(&self, ssrc: u32) -> KeyPictures {
        let details = if self.stats.rtp.ssrc == ssrc {
            Some(&self.first)
        } else {
            self.second.as_deref()
        };
        details.map_or_else(KeyPictures::default, |details| details.video.key_pictures())
    }

    /// Brings the timeline up to date, and begins it where there is none.
    pub(crate) fn follow(&mut self) {
        let sources = [&self.stats.rtp, &self.stats.second];
        let sum = |count: fn(&RtpCounters) -> u64| sources.iter().map(|source| count(source)).sum();
        let totals = Totals {
            packets: sum(|source| source.packets),
            bytes: sum(|source| source.bytes),
            lost: self
                .stats
                .numbers()
                .map(|numbers| numbers.lost)
                .iter()
                .sum(),
        };
        let sent = || sources.iter().filter(|source| source.packets > 0);
        let (Some(first), Some(last)) = (
            sent().map(|source| source.first_ns).min(),
            sent().map(|source| source.last_ns).max(),
        ) else {
            return;
        };
        let tally = self
            .tally
            .get_or_insert_with(|| Box::new(Tally::new(Timestamp(first))));
        tally.note(totals, Timestamp(last));
    }

    /// Whether there is a timeline.
    pub(crate) const fn is_followed(&self) -> bool {
        self.tally.is_some()
    }

    /// How the RTP came over time, where that is kept.
    pub(crate) fn timeline(&self) -> Option<Timeline> {
        self.tally.as_ref().map(|tally| tally.timeline())
    }

    /// When its first packet came; `None` without packets.
    pub(crate) fn began_at(&self) -> Option<Timestamp> {
        (self.stats.packets > 0).then_some(Timestamp(self.stats.first_ns))
    }

    /// Whether RTP came, and not a single datagram that happened to look like it.
    pub(crate) fn is_media(&self) -> bool {
        self.stats.rtp.is_proven() || self.stats.second.is_proven()
    }

    /// The sources that sent RTP.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let [of_first, of_second] = self.stats.numbers();
        let (first, second) = (Some(&self.first), self.second.as_deref());
        let is_one = self.stats.rtp.numbers_with(&self.stats.second).is_some();
        let first = Source {
            counters: &self.stats.rtp,
            numbers: of_first,
            details: first,
            partner: second.filter(|_| is_one),
            is_unseen: self.is_unseen,
        };
        let second = Source {
            counters: &self.stats.second,
            numbers: of_second,
            details: second,
            partner: first.details.filter(|_| is_one),
            is_unseen: self.is_unseen,
        };
        [first, second]
            .into_iter()
            .filter(|source| source.counters.packets > 0)
    }

    /// What the RTCP says.
    pub(crate) fn reports(&self) -> Option<&Reports> {
        self.reports.as_deref()
    }
}

impl Details {
    /// Keeps the greatest loss that one packet shows; what was known before it is the loss and the time of the last packet.
    fn note_loss(&mut self, (before, last_ns): (u64, i64), after: u64, at: Locator) {
        let lost = after.saturating_sub(before);
        let known = self.outage.map_or(0, |outage| outage.lost);
        if lost > known {
            self.outage = Some(Outage {
                lost,
                since: Timestamp(last_ns),
                until: at.at,
            });
        }
    }

    #[inline]
    fn update(&mut self, placed: Placed, payload: &Payload, bytes: &[u8], at: Locator) {
        self.bank
            .update(placed, payload.timestamp, at.at.as_nanos());
        if placed != Placed::Aside {
            self.video.update(payload, bytes, at);
        }
    }
}

/// Keeps the earliest; a place with a frame number is better than one without.
fn fill(slot: &mut Option<Locator>, at: Locator) {
    if slot.is_none_or(|kept| kept.frame.is_none() && at.frame.is_some()) {
        *slot = Some(at);
    }
}
