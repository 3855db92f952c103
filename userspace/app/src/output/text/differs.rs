//! What the messages of the two legs differ in.

use super::session::section;
use super::style::Style;
use crate::output::json::{Nat, Rewrite, Session};

/// Differences shown unless all are asked for.
const SHOWN: usize = 8;

pub(super) fn write(out: &mut String, session: &Session, style: &Style) {
    let rewrites = &session.nat.rewrites;
    let shown = if style.verbose { rewrites.len() } else { SHOWN };
    for (index, rewrite) in rewrites.iter().take(shown).enumerate() {
        let label = if index == 0 { "Differs" } else { "" };
        out.push_str(&section(label, &told(rewrite, &session.nat), style));
    }
    if rewrites.len() > shown {
        out.push_str(&section(
            "",
            &format!("and {} more (-v shows them)", rewrites.len() - shown),
            style,
        ));
    }
    if let Some(delta) = session.nat.sequence_delta.filter(|delta| *delta != 0) {
        let how = if delta > 0 { "longer" } else { "shorter" };
        let text = format!(
            "the client's stream is {} bytes {how} after the router",
            delta.unsigned_abs()
        );
        out.push_str(&section("", &text, style));
    }
}

fn told(rewrite: &Rewrite, nat: &Nat) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".to_owned());
    let place = |tap: &Option<String>, frame: Option<u64>| {
        let tap = tap.as_deref().unwrap_or("tap");
        frame.map_or_else(|| tap.to_owned(), |frame| format!("{tap} #{frame}"))
    };
    let cseq = rewrite
        .cseq
        .map_or_else(String::new, |cseq| format!(" CSeq {cseq}"));
    let damage = if rewrite.class == "corruption" {
        ", which breaks the message"
    } else {
        ""
    };
    format!(
        "{} {}{cseq}, {}: {} → {}{damage} ({} → {})",
        rewrite.method,
        rewrite.kind,
        rewrite.field,
        value(&rewrite.pre),
        value(&rewrite.post),
        place(&nat.pre_tap, rewrite.pre_frame),
        place(&nat.post_tap, rewrite.post_frame),
    )
}
