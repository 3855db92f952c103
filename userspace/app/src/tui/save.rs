//! Saves one session: its packets as pcapng, or its report as JSON or Markdown.
//!
//! Packets of saved captures are read again from their files; those of a live run, or of a pipe, come from what was
//! kept of them ([`Kept`]).

mod ends;
mod kept;
mod packets;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Session;

use crate::failure::Failure;
use crate::output::privacy::{Privacy, own};
use crate::output::{json, markdown};
pub(super) use kept::Kept;
use rtspscope_capture::NamedFile;

/// How a session is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pcapng,
    Json,
    Markdown,
}

impl Format {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pcapng => "pcapng",
            Self::Json => "JSON",
            Self::Markdown => "Markdown",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Pcapng => "pcapng",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Pcapng => Self::Json,
            Self::Json => Self::Markdown,
            Self::Markdown => Self::Pcapng,
        }
    }
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) session: u32,
    pub(super) format: Format,
    pub(super) path: String,
}

/// Where a session goes unless the user says otherwise.
pub(super) fn default_path(session: &Session, format: Format) -> String {
    format!("session-{}.{}", session.id, format.extension())
}

/// Where packets can be had from again.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Files, in the order of their taps.
    Files(Vec<NamedFile>),
    /// What was kept in memory.
    Kept(Arc<Mutex<Kept>>),
}

impl Origin {
    /// Whether some packets cannot be had any more.
    fn lacks_the_oldest(&self) -> bool {
        match self {
            Self::Files(_) => false,
            Self::Kept(kept) => {
                let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.some_fell()
            }
        }
    }
}

/// Writes a session and tells where it went and what it holds.
pub(super) fn save(
    snapshot: &Snapshot,
    origin: &Origin,
    privacy: Privacy,
    request: &Request,
) -> Result<String, Failure> {
    let path = PathBuf::from(&request.path);
    if request.path.is_empty() {
        return Err(Failure::new("the name", "is empty", "name a file"));
    }
    if path.exists() {
        return Err(Failure::new(
            path.display(),
            "exists already",
            "choose another name",
        ));
    }
    let Some(only) = only(snapshot, request.session) else {
        return Err(Failure::new(
            "the session",
            "is no longer known",
            "choose another",
        ));
    };
    match request.format {
        Format::Pcapng => {
            let frames = packets::write(&only, origin, &path)?;
            let lacks = if origin.lacks_the_oldest() {
                "; the oldest packets of the run are no longer kept: --record or --bundle keeps all"
            } else {
                ""
            };
            Ok(format!(
                "saved {frames} frames to {} (with passwords as they were sent){lacks}",
                own(&request.path)
            ))
        }
        Format::Json => {
            let text = json::pretty(&json::report(&only, privacy))? + "\n";
            write(&path, &text)?;
            Ok(format!("saved the report to {}", own(&request.path)))
        }
        Format::Markdown => {
            write(&path, &markdown::report(&only, privacy, true))?;
            Ok(format!("saved the report to {}", own(&request.path)))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::writing(path.display(), &error);
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The snapshot with one session and what was found of it and of the capture as a whole.
fn only(snapshot: &Snapshot, id: u32) -> Option<Snapshot> {
    let session = snapshot.sessions.iter().find(|session| session.id == id)?;
    let findings = snapshot.findings.iter();
    let findings = findings.filter(|finding| finding.subject.session.is_none_or(|of| of == id));
    Some(Snapshot {
        taps: snapshot.taps.clone(),
        netfilter_files: snapshot.netfilter_files.clone(),
        losses: snapshot.losses.clone(),
        blind_spots: snapshot.blind_spots.clone(),
        sessions: vec![session.clone()],
        findings: findings.cloned().collect(),
        retired: snapshot.retired,
        unclaimed: snapshot.unclaimed.clone(),
        datagram_talks: snapshot.datagram_talks.clone(),
        notes: snapshot.notes.clone(),
        router: snapshot.router.clone(),
        setup: snapshot.setup.clone(),
        ticked_at: snapshot.ticked_at,
    })
}

#[cfg(test)]
mod tests;
