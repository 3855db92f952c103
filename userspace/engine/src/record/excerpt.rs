//! What an excerpt tells of media that it does not hold, in both ways: counts, pictures, stray bytes.

use rtspscope_wire::Timestamp;

use super::{Record, Room};
use crate::counting::PicturesOf;
use crate::input::{ChannelCounters, ChannelTotals, PictureTotals, Stray};
use crate::locator::Locator;

impl Record {
    /// Takes in what was counted of a channel in all; what is missing here was left out by who counted.
    pub(crate) fn set_totals(&mut self, sender: usize, totals: &ChannelTotals, room: Room<'_>) {
        self.channels.set_totals(sender, &totals.counted, room);
        self.is_excerpt = true;
        self.missing_bytes = totals.missing_bytes;
        self.desync = self.desync.filter(|(by, ..)| *by != sender);
        if let Some(Stray { bytes, at }) = totals.stray {
            let first = Locator {
                tap: self.tap,
                frame: None,
                at,
                stream_offset: None,
            };
            self.desync = Some((sender, bytes, first));
        }
        if totals.missing_bytes == 0 {
            self.first_gap = None;
            self.holes.clear();
        } else {
            // Who counted knows how many bytes were missing, and not where.
            self.first_gap.get_or_insert(self.first);
        }
        let stats = &totals.counted.stats;
        if stats.packets > 0 {
            self.hear(sender, 0, Timestamp(stats.last_ns));
        }
    }

    /// What was counted of each channel that carried media.
    pub(crate) fn totals(&self) -> impl Iterator<Item = ChannelTotals> {
        let [one, other] = self.ends;
        self.channels.totals().map(move |(sender, number, stats)| {
            let (from, to) = if sender == 0 {
                (one, other)
            } else {
                (other, one)
            };
            ChannelTotals {
                counted: ChannelCounters {
                    tap: self.tap,
                    from,
                    to,
                    channel: number,
                    clock_rate: 0,
                    stats: *stats,
                },
                missing_bytes: self.missing_bytes,
                stray: self.stray(sender),
            }
        })
    }

    fn stray(&self, sender: usize) -> Option<Stray> {
        let (_, bytes, first) = self.desync.filter(|(by, ..)| *by == sender)?;
        Some(Stray {
            bytes,
            at: first.at,
        })
    }

    /// The pictures of each interleaved channel that carried video.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = PictureTotals> {
        self.channels.counts().flat_map(|(sender, number, count)| {
            count.picture_totals(PicturesOf {
                tap: self.tap,
                from: self.ends[sender],
                to: self.ends[1 - sender],
                channel: Some(number),
            })
        })
    }
}
