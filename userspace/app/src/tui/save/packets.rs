//! A session's packets as a pcapng that says by itself what the whole said of the session.

use std::path::Path;
use std::sync::PoisonError;

use rtspscope_engine::{CaptureLoss, Input, Snapshot, TapInfo};
use rtspscope_wire::decode;
use rtspscope_wire::{FrameRef, TapId};

use super::Origin;
use super::ends::Ends;
use crate::failure::Failure;
use crate::fragments::Fragments;
use crate::frame::Frame;
use crate::progress::Progress;
use rtspscope_capture::record::Described;
use rtspscope_capture::{Host, MergedFiles, Recorder};

/// Writes the packets of the only session of a snapshot; how many there were.
pub(super) fn write(only: &Snapshot, origin: &Origin, path: &Path) -> Result<u64, Failure> {
    let mut writer = Writer {
        taps: only
            .taps
            .iter()
            .map(|tap| Described {
                role: tap.role,
                unfiltered: tap.shows_udp(),
            })
            .collect(),
        opened: 0,
        ends: only.sessions.first().map_or_else(Ends::default, Ends::of),
        recorder: Recorder::create(path)?,
        fragments: Fragments::default(),
        frames: 0,
    };
    match origin {
        Origin::Files(files) => {
            let mut source = MergedFiles::open(files, &mut writer)?;
            let silent = Progress::new(false, source.reading());
            loop {
                let next = source.next(&mut silent.beside(&mut writer))?;
                let Some(input) = next else { break };
                writer.take(&input)?;
            }
        }
        Origin::Kept(kept) => {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            for info in kept.taps() {
                writer.open_tap(info.clone());
            }
            for tap in &only.taps {
                for blind in &tap.blind {
                    writer.record(&Input::Blind(tap.id, *blind))?;
                }
            }
            kept.give(|input| writer.take(input))?;
            for (kind, count) in &only.losses {
                let loss = CaptureLoss {
                    tap: None,
                    kind: *kind,
                    count: *count,
                };
                writer.record(&Input::CaptureLoss(loss))?;
            }
        }
    }
    writer.finish(only)
}

/// Takes what a source gives, and writes what is the session's.
struct Writer {
    /// What is known of each tap; what is left of it in the file may not show that any more.
    taps: Vec<Described>,
    /// Taps that were opened.
    opened: usize,
    ends: Ends,
    recorder: Recorder,
    fragments: Fragments<Frame>,
    frames: u64,
}

impl Writer {
    fn take(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        let ends = &self.ends;
        let is_wanted = match input {
            Input::Frame(frame) => return self.take_frame(frame),
            Input::FlowCounters(counters) => ends.have_flow(counters.from, counters.to),
            Input::Conntrack(told) => ends.have_told(told.event),
            Input::Handover(handover) => ends.are_of(handover.from, handover.to),
            Input::ChannelCounters(counters) => ends.are_of(counters.from, counters.to),
            Input::ChannelTotals(totals) => ends.are_of(totals.counted.from, totals.counted.to),
            Input::Pictures(totals) => {
                ends.are_of(totals.from, totals.to) || ends.have_flow(totals.from, totals.to)
            }
            Input::ChannelReport(report) => ends.are_of(report.from, report.to),
            Input::RouterSetup(_) | Input::CaptureLoss(_) | Input::Blind(..) => true,
            // Until when all was watched is said at the end.
            Input::Tick(_) | Input::Watched(_) => false,
        };
        if is_wanted {
            self.record(input)?;
        }
        Ok(())
    }

    fn take_frame(&mut self, frame: &FrameRef<'_>) -> Result<(), Failure> {
        let Ok(packet) = decode::ip(frame) else {
            return Ok(());
        };
        let is_wanted = self.ends.have(frame.tap, frame.at, &packet);
        if packet.fragment.is_none() {
            return if is_wanted {
                self.write_frame(frame)
            } else {
                Ok(())
            };
        }
        let kept = Frame::of(frame);
        let wanted = self.fragments.handle(frame.tap, &packet, is_wanted, kept);
        for kept in wanted {
            self.write_frame(&kept.borrow())?;
        }
        Ok(())
    }

    fn write_frame(&mut self, frame: &FrameRef<'_>) -> Result<(), Failure> {
        self.frames += 1;
        self.record(&Input::Frame(*frame))
    }

    fn record(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        Ok(self.recorder.handle_input(input)?)
    }

    /// Says until when all taps watched, which the session's last packet does not tell.
    fn finish(mut self, only: &Snapshot) -> Result<u64, Failure> {
        match only.watched_until() {
            Some((now, true)) => self.record(&Input::Tick(now))?,
            Some((until, false)) => self.record(&Input::Watched(until))?,
            None => {}
        }
        self.recorder.finish()?;
        Ok(self.frames)
    }
}

impl Host for Writer {
    fn open_tap(&mut self, mut info: TapInfo) -> TapId {
        let number = self.opened;
        self.opened += 1;
        if let Some(known) = self.taps.get(number) {
            (info.role, info.unfiltered) = (known.role, known.unfiltered);
        }
        self.recorder.open_tap(info)
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}
