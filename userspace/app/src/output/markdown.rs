//! The report for a ticket or a forum: the same sentences as the text report, as GitHub-flavoured Markdown.
//!
//! It is pasted where many renderers, and bots, read it. So whatever comes from a stranger passes [`escape`], and no
//! paragraph is broken into lines, because some forums keep line ends.

mod capture;
mod escape;
mod evidence;
mod findings;
mod session;
mod table;

use rtspscope_engine::Snapshot;

use super::json;
use super::privacy::Privacy;

pub(crate) use evidence::evidence;

/// The report with a line end at its end; `verbose` shows every message and all evidence.
pub(crate) fn report(snapshot: &Snapshot, privacy: Privacy, verbose: bool) -> String {
    let report = json::report(snapshot, privacy);
    let mut out = String::new();
    if report.sessions.is_empty() {
        capture::write_without_sessions(&mut out, &report);
    }
    for (index, session) in report.sessions.iter().enumerate() {
        session::write(&mut out, &report, session, verbose);
        if let (true, Some(session)) = (verbose, snapshot.sessions.get(index)) {
            session::write_messages(&mut out, (snapshot, &report), session, privacy);
        }
    }
    capture::write(&mut out, &report, verbose);
    out
}

/// A heading of the given depth; `text` is Markdown.
fn heading(out: &mut String, depth: usize, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.extend([&"#".repeat(depth), " ", text, "\n\n"]);
}

#[cfg(test)]
mod tests;
