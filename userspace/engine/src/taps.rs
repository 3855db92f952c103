//! What passed each tap, and what did not.

use std::collections::BTreeMap;

use rtspscope_wire::{FrameRef, TapId, Timestamp};

use crate::input::{Blind, LossKind, TapInfo};
use crate::limits::MAX_BLIND;
use crate::model::Tap;
use crate::tap_files::{TapFile, TapFiles};

/// The table of taps and the tally of losses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taps {
    all: Vec<Tap>,
    netfilter_files: TapFiles,
    losses: BTreeMap<LossKind, u64>,
    ticked_at: Option<Timestamp>,
}

impl Taps {
    pub(crate) fn add(&mut self, info: TapInfo) -> TapId {
        let id = TapId(u16::try_from(self.all.len()).unwrap_or(u16::MAX));
        self.all.push(Tap {
            id,
            name: info.name,
            role: info.role,
            files: TapFiles::of(info.source.clone()),
            source: info.source,
            link_type: info.link_type,
            frames: 0,
            bytes: 0,
            first_at: None,
            last_at: None,
            watched_until: None,
            blind: Vec::new(),
            clock_offset: None,
            clock_drift_ppm: None,
            udp_datagrams: 0,
            unfiltered: info.unfiltered,
            cut_frames: 0,
        });
        id
    }

    /// The next frames of a tap come from `file`.
    pub(crate) fn begin_file(&mut self, tap: TapId, file: TapFile) {
        if tap == TapId::NETFILTER {
            self.netfilter_files.begin(file);
        } else if let Some(tap) = self.all.get_mut(usize::from(tap.0)) {
            tap.files.begin(file);
        }
    }

    /// Files of the packets of netfilter's connection tracking, where they are several.
    pub(crate) fn netfilter_files(&self) -> TapFiles {
        self.netfilter_files.clone()
    }

    /// Counts a frame of a known tap; frames of a tap that was never opened are not counted.
    pub(crate) fn count_frame(&mut self, frame: &FrameRef<'_>) {
        let Some(tap) = self.all.get_mut(usize::from(frame.tap.0)) else {
            return;
        };
        tap.frames += 1;
        tap.bytes += u64::from(frame.original_len);
        tap.cut_frames += u64::from((frame.bytes.len() as u64) < u64::from(frame.original_len));
        tap.link_type.get_or_insert(frame.link_type);
        if tap.last_at.is_none_or(|last| last < frame.at) {
            tap.last_at = Some(frame.at);
            tap.watched_until = tap.watched_until.max(Some(frame.at));
        }
        if tap.first_at.is_none_or(|first| frame.at < first) {
            tap.first_at = Some(frame.at);
        }
    }

    /// The tap still counted at `at`.
    pub(crate) fn note_count(&mut self, tap: TapId, at: Timestamp) {
        if let Some(tap) = self.all.get_mut(usize::from(tap.0)) {
            tap.watched_until = tap.watched_until.max(Some(at));
        }
    }

    /// A tap saw nothing for a while. Times beyond the cap are one with the last that is kept.
    pub(crate) fn note_blind(&mut self, tap: TapId, blind: Blind) {
        let Some(tap) = self.all.get_mut(usize::from(tap.0)) else {
            return;
        };
        tap.watched_until = tap
            .watched_until
            .max(Some(blind.until.unwrap_or(blind.since)));
        let is_full = tap.blind.len() == MAX_BLIND;
        match tap.blind.last_mut() {
            Some(last) if last.since == blind.since || is_full => last.until = blind.until,
            _ => tap.blind.push(blind),
        }
    }

    /// Every tap that is not blind is watched at `now`, whether anything comes by or not.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.watch(now);
        self.ticked_at = self.ticked_at.max(Some(now));
    }

    /// Every tap that is not blind was watched until then.
    pub(crate) fn watch(&mut self, until: Timestamp) {
        for tap in self.all.iter_mut().filter(|tap| !tap.is_blind()) {
            tap.watched_until = tap.watched_until.max(Some(until));
        }
    }

    /// The last tick.
    pub(crate) fn ticked_at(&self) -> Option<Timestamp> {
        self.ticked_at
    }

    pub(crate) fn count_datagrams(&mut self, tap: TapId, count: u64) {
        if let Some(tap) = self.all.get_mut(usize::from(tap.0)) {
            tap.udp_datagrams += count;
        }
    }

    pub(crate) fn count_loss(&mut self, kind: LossKind, count: u64) {
        let total = self.losses.entry(kind).or_default();
        *total = total.saturating_add(count);
    }

    pub(crate) fn losses(&self) -> Vec<(LossKind, u64)> {
        self.losses
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(kind, count)| (*kind, *count))
            .collect()
    }

    pub(crate) fn snapshot(&self) -> Vec<Tap> {
        self.all.clone()
    }
}
