//! The list of frames that go with a report: their numbers here and in the captures they come from.

use serde::Serialize;

/// Longest comment on a frame in bytes; a report has the rest.
const MAX_COMMENT: usize = 4_000;

/// All frames of a bundle.
#[derive(Debug, Serialize)]
pub(crate) struct Index {
    /// The file that holds them.
    pub pcapng: &'static str,
    /// `blanked` or `shown`.
    pub credentials: &'static str,
    /// Frames for which there was no room.
    pub left_out: u64,
    /// What of a live run could not be read again.
    #[serde(flatten)]
    pub reach: Reach,
    /// The frames in the order of the file.
    pub frames: Vec<IndexedFrame>,
}

/// How much of a live run's packets could not be read again for its bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reach {
    /// The first ones, which gave way to later ones.
    #[serde(skip_serializing_if = "is_zero")]
    pub let_go: u64,
    /// The last ones, which could not be written down.
    #[serde(skip_serializing_if = "is_zero")]
    pub missed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Reach {
    /// The end of a sentence about it.
    fn told(self) -> String {
        let let_go = match self.let_go {
            0 => String::new(),
            count => format!(
                "; the run was long, and its first {count} packets had given way to later ones"
            ),
        };
        let missed = match self.missed {
            0 => String::new(),
            count => format!("; its last {count} packets could not be kept"),
        };
        let_go + &missed
    }
}

/// One frame of a bundle.
#[derive(Debug, Serialize)]
pub(crate) struct IndexedFrame {
    /// Number in the bundle's file.
    pub frame: u64,
    /// The tap that saw it.
    pub tap: String,
    /// The capture it comes from.
    pub file: String,
    /// Number in that capture, which reports name.
    pub original_frame: u64,
    /// When it was seen.
    pub at: String,
    /// What it is.
    pub what: Vec<String>,
    /// The findings that it proves.
    pub proves: Vec<Proof>,
}

/// What a frame proves.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Proof {
    /// Code of the finding.
    pub code: &'static str,
    /// Its session.
    pub session: Option<u32>,
    /// What is to be seen in the frame.
    pub note: String,
}

impl IndexedFrame {
    /// The frame's comment: where it comes from, what it is, what it proves.
    pub(crate) fn comment(&self) -> String {
        let Self { file, tap, .. } = self;
        let of_tap = if file == tap {
            String::new()
        } else {
            format!(" ({tap})")
        };
        let mut comment = format!("{file}{of_tap} frame {}: ", self.original_frame);
        comment.push_str(&self.what.join("; "));
        for proof in &self.proves {
            comment.extend([
                if comment.ends_with(": ") { "" } else { ". " },
                &proof.told(),
            ]);
        }
        if comment.len() > MAX_COMMENT {
            let end = comment.floor_char_boundary(MAX_COMMENT);
            comment.truncate(end);
            comment.push('…');
        }
        comment
    }
}

impl Proof {
    /// One sentence without its full stop.
    pub(crate) fn told(&self) -> String {
        let Self { code, note, .. } = self;
        match self.session {
            Some(session) => format!("Proves {code} of session {session}: {note}"),
            None => format!("Proves {code}: {note}"),
        }
    }
}

impl Index {
    /// One line about the whole.
    pub(crate) fn told(&self) -> String {
        let count = self.frames.len();
        let proofs = self
            .frames
            .iter()
            .filter(|frame| !frame.proves.is_empty())
            .count();
        let credentials = match self.credentials {
            "shown" => "passwords are IN it, as asked for",
            _ => "passwords are blanked",
        };
        let left_out = match self.left_out {
            0 => String::new(),
            count => format!("; {count} more found no room"),
        };
        let reach = self.reach.told();
        format!(
            "{} holds {count} frames that matter, {proofs} of them proofs of findings, each with a comment; {credentials}{left_out}{reach}",
            self.pcapng
        )
    }
}
