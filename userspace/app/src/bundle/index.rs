//! The list of the bundle's frames: which frame of which file each is, and why it is there.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Tap;

use super::collect::Collected;
use super::{Kept, PCAPNG};
use crate::output::evidence::{Index, IndexedFrame, Proof};
use crate::output::privacy::{Privacy, own};
use crate::output::time::rfc3339;

pub(super) fn of(collected: &Collected, snapshot: &Snapshot, privacy: Privacy) -> Index {
    let frames = (1_u64..).zip(&collected.frames);
    Index {
        pcapng: PCAPNG,
        credentials: match privacy {
            Privacy::Redact => "blanked",
            Privacy::Show => "shown",
        },
        left_out: collected.left_out,
        frames: frames
            .map(|(number, kept)| entry(number, kept, snapshot))
            .collect(),
    }
}

fn entry(number: u64, kept: &Kept, snapshot: &Snapshot) -> IndexedFrame {
    let tap = snapshot.taps.get(usize::from(kept.tap.0));
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
    IndexedFrame {
        frame: number,
        tap: tap.map_or_else(String::new, |tap| own(&tap.name)),
        file: tap.map_or_else(String::new, file),
        original_frame: kept.number,
        at: rfc3339(kept.at),
        what,
        proves,
    }
}

/// The capture's file name; its directory is nobody else's business.
fn file(tap: &Tap) -> String {
    if tap.source == "-" {
        return own(&tap.name);
    }
    let name = std::path::Path::new(&tap.source).file_name();
    name.map_or_else(|| own(&tap.source), |name| own(&name.to_string_lossy()))
}
