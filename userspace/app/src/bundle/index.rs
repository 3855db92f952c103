//! The list of the bundle's frames: which frame of which file each is, and why it is there.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Tap;

use super::collect::Collected;
use super::{Kept, PCAPNG};
use crate::output::evidence::{Index, IndexedFrame, Proof, Reach};
use crate::output::names;
use crate::output::place::name_of_file;
use crate::output::privacy::{Privacy, own};
use crate::output::time::rfc3339;

/// Where the frames come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// Captures, each of which numbers its own frames.
    Files,
    /// A live run, which numbers the packets of all its taps, and of which so much could be read again.
    Live(Reach),
}

pub(super) fn of(
    collected: &Collected,
    snapshot: &Snapshot,
    source: Source,
    privacy: Privacy,
) -> Index {
    let reach = match source {
        Source::Files => Reach::default(),
        Source::Live(reach) => reach,
    };
    let file = |tap: &Tap| match source {
        Source::Files => file(tap),
        Source::Live(_) => own(&tap.name),
    };
    let frames = (1_u64..).zip(&collected.frames);
    Index {
        pcapng: PCAPNG,
        credentials: match privacy {
            Privacy::Redact => "blanked",
            Privacy::Show => "shown",
        },
        left_out: collected.left_out,
        reach,
        frames: frames
            .map(|(number, kept)| entry(number, kept, snapshot, file))
            .collect(),
    }
}

fn entry(
    number: u64,
    kept: &Kept,
    snapshot: &Snapshot,
    file: impl Fn(&Tap) -> String,
) -> IndexedFrame {
    let tap = snapshot.taps.get(usize::from(kept.frame.tap.0));
    let mut what: Vec<String> = Vec::new();
    let mut proves: Vec<Proof> = Vec::new();
    for reason in &kept.reasons {
        let finding = reason.proves.and_then(|index| snapshot.findings.get(index));
        let text = reason.text.clone();
        match finding {
            None if what.contains(&text) => {}
            None => what.push(text),
            Some(finding) => proves.push(Proof {
                code: finding.code.name(),
                session: finding.subject.session,
                note: text,
            }),
        }
    }
    let (file_there, number_there) = snapshot.own_place(kept.frame.tap, kept.frame.number);
    let of_several = file_there.map(|file| name_of_file(&file.source));
    IndexedFrame {
        frame: number,
        tap: tap.map_or_else(|| names::no_tap(kept.frame.tap), |tap| own(&tap.name)),
        file: of_several.unwrap_or_else(|| tap.map_or_else(|| names::no_tap(kept.frame.tap), file)),
        original_frame: number_there,
        at: rfc3339(kept.frame.at),
        what,
        proves,
    }
}

/// The capture's file name.
fn file(tap: &Tap) -> String {
    if tap.source == "-" {
        return own(&tap.name);
    }
    name_of_file(&tap.source)
}
