//! Captures whose truth is known, because they were made.
//!
//! [`write()`] makes a capture from a [`Recipe`] and a seed: the same recipe gives the same bytes. Beside it comes the
//! [`Truth`], counted packet by packet in the plainest way there is, from what was put into the file and with none of
//! the program's own code. Sessions are made a second of capture time at a go, so that two gigabytes need little memory.

mod link;
mod media;
mod random;
mod recipe;
mod session;
mod stream;
mod truth;

use std::io::{self, Write};

pub use link::{Encapsulation, Family};
pub use recipe::{Carrier, Faults, Recipe, SessionRecipe};
pub use truth::{StreamTruth, Truth};

use random::Random;
use session::Session;

/// A frame that is due at a time of the capture.
#[derive(Debug)]
pub(crate) struct Due {
    /// Nanoseconds since the beginning of the capture.
    at_ns: u64,
    bytes: Vec<u8>,
}

/// Length of one step of generation.
const SLICE_NS: u64 = 1_000_000_000;

/// Length of a pcap file header and of a record header.
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;

/// Capture time of the first packet, in seconds since 1970.
const EPOCH_SECS: u64 = 1_700_000_000;

/// Writes the capture as a pcap file with nanoseconds, and returns what is true in it.
pub fn write(recipe: &Recipe, out: &mut impl Write) -> io::Result<Truth> {
    let mut random = Random::new(recipe.seed);
    let mut sessions: Vec<Session> = recipe
        .sessions
        .iter()
        .enumerate()
        .map(|(index, session)| Session::new(index, session, random.fork()))
        .collect();
    out.write_all(&file_header())?;
    let mut truth = Truth::default();
    let mut waiting: Vec<Due> = Vec::new();
    let mut slice = 0;
    let mut background = random.fork();
    loop {
        let end_ns = (slice + 1) * SLICE_NS;
        let mut busy = false;
        for session in &mut sessions {
            busy |= session.advance(end_ns, &mut waiting);
        }
        if busy {
            link::background(
                recipe.background_per_second,
                end_ns - SLICE_NS,
                SLICE_NS,
                &mut background,
                &mut waiting,
            );
        }
        waiting.sort_by_key(|due| due.at_ns);
        let ready = if busy {
            waiting.partition_point(|due| due.at_ns < end_ns)
        } else {
            waiting.len()
        };
        for due in waiting.drain(..ready) {
            truth.frames += 1;
            write_frame(out, &due)?;
        }
        slice += 1;
        if !busy {
            break;
        }
    }
    out.flush()?;
    truth.streams = sessions.into_iter().flat_map(Session::into_truth).collect();
    Ok(truth)
}

/// Writes the capture with each of its frames put into another shape, which the truth does not know of.
pub fn write_reshaped(
    recipe: &Recipe,
    out: &mut impl Write,
    reshape: impl Fn(Vec<u8>) -> Vec<u8>,
) -> io::Result<Truth> {
    let mut plain = Vec::new();
    let truth = write(recipe, &mut plain)?;
    let (header, mut rest) = plain.split_at(FILE_HEADER_LEN);
    out.write_all(header)?;
    while let Some((header, behind)) = rest.split_at_checked(RECORD_HEADER_LEN) {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let (frame, behind) = behind.split_at(len);
        let frame = reshape(frame.to_vec());
        let len = (frame.len() as u32).to_le_bytes();
        out.write_all(&[&header[..8], &len, &len, &frame].concat())?;
        rest = behind;
    }
    out.flush()?;
    Ok(truth)
}

fn file_header() -> Vec<u8> {
    let mut header = Vec::with_capacity(FILE_HEADER_LEN);
    header.extend(0xa1b2_3c4d_u32.to_le_bytes());
    header.extend(2_u16.to_le_bytes());
    header.extend(4_u16.to_le_bytes());
    header.extend([0; 8]);
    header.extend(262_144_u32.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    header
}

fn write_frame(out: &mut impl Write, due: &Due) -> io::Result<()> {
    let len = due.bytes.len() as u32;
    let secs = EPOCH_SECS + due.at_ns / 1_000_000_000;
    let nanos = due.at_ns % 1_000_000_000;
    out.write_all(&(secs as u32).to_le_bytes())?;
    out.write_all(&(nanos as u32).to_le_bytes())?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(&due.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let recipe = Recipe::everything(7);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let truth = write(&recipe, &mut first).expect("memory takes all");
        assert_eq!(
            truth,
            write(&recipe, &mut second).expect("memory takes all")
        );
        assert_eq!(first, second);
    }

    #[test]
    fn every_fault_of_the_recipe_happens() {
        let truth = write(&Recipe::everything(1), &mut io::sink()).expect("a sink takes all");
        assert!(truth.streams.iter().any(|stream| stream.lost > 0));
        assert!(truth.streams.iter().any(|stream| stream.duplicates > 0));
        assert!(truth.streams.iter().any(|stream| stream.reordered > 0));
        assert!(truth.streams.iter().any(|stream| stream.first_pair_swapped));
        assert!(
            truth
                .streams
                .iter()
                .any(|stream| stream.interleaved && stream.lost > 0)
        );
        assert!(
            truth
                .streams
                .iter()
                .any(|stream| stream.interleaved && stream.lost == 0)
        );
    }
}
