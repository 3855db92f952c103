//! What is said of a difference between the messages of two legs.

use crate::output::json::{Nat, Report, Rewrite};
use crate::output::place::Found;

/// Differences that a report shows unless all are asked for.
pub(in crate::output) const SHOWN: usize = 8;

/// Which message it is.
pub(in crate::output) fn message(rewrite: &Rewrite) -> String {
    let cseq = rewrite
        .cseq
        .map_or_else(String::new, |cseq| format!(" CSeq {cseq}"));
    format!("{} {}{cseq}", rewrite.method, rewrite.kind)
}

/// Whether the difference makes the message unreadable, and not merely other.
pub(in crate::output) fn breaks(rewrite: &Rewrite) -> bool {
    rewrite.class == "corruption"
}

/// A value, or that there is none.
pub(in crate::output) fn value(value: Option<&str>) -> &str {
    value.unwrap_or("(absent)")
}

/// The frames of both values.
pub(in crate::output) fn frames(report: &Report, rewrite: &Rewrite, nat: &Nat) -> String {
    let place = |tap: &Option<String>, file: &Option<String>, frame: Option<u64>| {
        let file = file.clone();
        let tap = tap.as_deref().unwrap_or("tap");
        super::frame(report, tap, &Found { file, frame })
    };
    format!(
        "{} → {}",
        place(&nat.pre_tap, &rewrite.pre_file, rewrite.pre_frame),
        place(&nat.post_tap, &rewrite.post_file, rewrite.post_frame),
    )
}

/// How many bytes the router added to the client's stream or took from it, where it did.
pub(in crate::output) fn length(nat: &Nat) -> Option<String> {
    let delta = nat.sequence_delta.filter(|delta| *delta != 0)?;
    let how = if delta > 0 { "longer" } else { "shorter" };
    let bytes = delta.unsigned_abs();
    Some(format!(
        "the client's stream is {bytes} bytes {how} after the router"
    ))
}
