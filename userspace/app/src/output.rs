//! What users see: reports and lines in several shapes. Everything here looks at the snapshot or at events only.

pub(crate) mod analyze;
pub(crate) mod destination;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod markdown;
pub(crate) mod names;
pub(crate) mod place;
pub(crate) mod privacy;
#[cfg(test)]
pub(crate) mod sample;
mod sentences;
pub(crate) mod text;
pub(crate) mod time;

/// Writes one line to standard error in the program's name; control characters in it are shown escaped.
#[expect(
    clippy::print_stderr,
    reason = "this is where lines to standard error are written"
)]
pub(crate) fn complain(line: &str) {
    eprintln!("rtspscope: {}", rtspscope_wire::text::escape_controls(line));
}
