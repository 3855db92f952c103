//! The frames as pcapng: an interface for each tap, a comment on each frame, and what was counted of the rest, so that the
//! file read by this program says what the captures said.

use std::io::{self, Write};
use std::net::SocketAddr;

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::{
    ChannelCounters, ChannelTotals, FlowCounters, PictureTotals, RouterSetup, Snapshot,
};
use rtspscope_wire::{LinkType, TapId, Timestamp};

use super::Kept;
use crate::output::evidence::Index;
use crate::output::names;
use crate::output::privacy::own;
use rtspscope_capture::record::{Described, Fact, blocks};

/// Writes the whole file.
pub(super) fn write(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    frames: &[Kept],
    index: &Index,
    counted: &Counted<'_>,
) -> io::Result<()> {
    let mut file = Pcapng::begin(out, snapshot, index)?;
    if let Some(setup) = &snapshot.setup {
        file.setup(setup)?;
    }
    let mut counters = counted.counters.iter().peekable();
    for (kept, entry) in frames.iter().zip(&index.frames) {
        while let Some(flow) =
            counters.next_if(|next| next.stats.last_ns < kept.frame.at.as_nanos())
        {
            file.count(flow, counted)?;
        }
        file.frame(kept, &entry.comment())?;
    }
    for flow in counters {
        file.count(flow, counted)?;
    }
    for totals in counted.channels {
        let ChannelCounters {
            tap,
            from,
            to,
            channel,
            stats,
            ..
        } = &totals.counted;
        file.fact(*tap, Timestamp(stats.last_ns), &Fact::of_totals(totals))?;
        let whose = (*tap, *from, *to, Some(*channel));
        for pictures in counted.pictures_of(whose, stats) {
            file.pictures(pictures)?;
        }
    }
    file.end(snapshot)
}

/// What was counted of the media that the file leaves out.
pub(super) struct Counted<'a> {
    pub(super) counters: &'a [FlowCounters],
    pub(super) channels: &'a [ChannelTotals],
    pub(super) pictures: &'a [PictureTotals],
}

/// A flow or a channel.
type Whose = (TapId, SocketAddr, SocketAddr, Option<u8>);

impl Counted<'_> {
    /// The pictures of one use of a flow or channel that was counted.
    fn pictures_of(&self, whose: Whose, stats: &FlowStats) -> impl Iterator<Item = &PictureTotals> {
        let during = stats.first_ns..=stats.last_ns;
        self.pictures.iter().filter(move |totals| {
            whose == (totals.tap, totals.from, totals.to, totals.channel)
                && during.contains(&totals.all.first_at.as_nanos())
        })
    }
}

struct Pcapng<'w> {
    out: &'w mut dyn Write,
    block: Vec<u8>,
    interfaces: Vec<(TapId, LinkType, Described, String)>,
}

impl<'w> Pcapng<'w> {
    fn begin(out: &'w mut dyn Write, snapshot: &Snapshot, index: &Index) -> io::Result<Self> {
        let mut file = Self {
            out,
            block: Vec::new(),
            interfaces: Vec::new(),
        };
        blocks::section(&mut file.block, Some(&index.told()));
        file.flush()?;
        for tap in &snapshot.taps {
            let described = Described {
                role: tap.role,
                // A tap that shows UDP stays one, although little of it is kept.
                unfiltered: tap.shows_udp(),
            };
            let link_type = tap.link_type.unwrap_or(LinkType::ETHERNET);
            file.interface(tap.id, link_type, described, own(&tap.name))?;
        }
        Ok(file)
    }

    fn interface(
        &mut self,
        tap: TapId,
        link_type: LinkType,
        described: Described,
        name: String,
    ) -> io::Result<usize> {
        blocks::interface(&mut self.block, link_type, &name, &described.text());
        self.interfaces.push((tap, link_type, described, name));
        self.flush()?;
        Ok(self.interfaces.len() - 1)
    }

    /// The interface of a tap; one tap may have frames of several link types.
    fn interface_of(&mut self, tap: TapId, link_type: Option<LinkType>) -> io::Result<u32> {
        let is_it = |(of, with, ..): &(TapId, LinkType, Described, String)| {
            *of == tap && link_type.is_none_or(|link_type| *with == link_type)
        };
        let number = if let Some(known) = self.interfaces.iter().position(is_it) {
            known
        } else {
            let like = self.interfaces.iter().find(|(of, ..)| *of == tap);
            let (described, name) = like.map_or_else(
                || (Described::default(), names::no_tap(tap)),
                |(_, _, described, name)| (*described, name.clone()),
            );
            self.interface(
                tap,
                link_type.unwrap_or(LinkType::ETHERNET),
                described,
                name,
            )?
        };
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn frame(&mut self, kept: &Kept, comment: &str) -> io::Result<()> {
        let interface = self.interface_of(kept.frame.tap, Some(kept.frame.link_type))?;
        blocks::packet(
            &mut self.block,
            interface,
            &kept.frame.borrow(),
            Some(comment),
        );
        self.flush()
    }

    /// What was counted of a flow, and what its pictures were.
    fn count(&mut self, flow: &FlowCounters, counted: &Counted<'_>) -> io::Result<()> {
        let FlowCounters {
            tap,
            from,
            to,
            stats,
        } = *flow;
        let fact = Fact::Counters {
            from,
            to,
            stats: Box::new(stats),
        };
        self.fact(tap, Timestamp(stats.last_ns), &fact)?;
        for pictures in counted.pictures_of((tap, from, to, None), &stats) {
            self.pictures(pictures)?;
        }
        Ok(())
    }

    fn pictures(&mut self, totals: &PictureTotals) -> io::Result<()> {
        let fact = Fact::Pictures(Box::new(*totals));
        self.fact(totals.tap, totals.all.last_at, &fact)
    }

    /// It belongs to netfilter, which has an interface of its own.
    fn setup(&mut self, setup: &RouterSetup) -> io::Result<()> {
        let interface = self.interface_of(TapId::NETFILTER, Some(LinkType::NETLINK))?;
        let fact = Fact::Setup(Box::new(setup.clone()));
        blocks::statistics(&mut self.block, interface, setup.at, &fact.encode());
        self.flush()
    }

    /// What was not captured, and until when all taps watched.
    fn end(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let watched = snapshot.taps.iter().map(|tap| tap.watched_until);
        let Some(until) = watched.flatten().max() else {
            return Ok(());
        };
        for tap in &snapshot.taps {
            for blind in &tap.blind {
                let at = blind.until.unwrap_or(blind.since);
                self.fact(tap.id, at, &Fact::Blind(*blind))?;
            }
        }
        for (kind, count) in &snapshot.losses {
            let fact = Fact::Loss {
                kind: *kind,
                count: *count,
                of_tap: false,
            };
            self.fact(TapId(0), until, &fact)?;
        }
        match snapshot.watched_until() {
            Some((until, by_clock)) => {
                self.fact(TapId(0), until, &Fact::Watched { until, by_clock })
            }
            None => Ok(()),
        }
    }

    fn fact(&mut self, tap: TapId, at: Timestamp, fact: &Fact) -> io::Result<()> {
        let interface = self.interface_of(tap, None)?;
        blocks::statistics(&mut self.block, interface, at, &fact.encode());
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }
}
