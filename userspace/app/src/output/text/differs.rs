//! What the messages of the two legs differ in.

use super::session::section;
use super::style::Style;
use crate::output::json::{Nat, Report, Rewrite, Session};
use crate::output::sentences::differences::{SHOWN, breaks, frames, length, message, value};

pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let rewrites = &session.nat.rewrites;
    let shown = if style.verbose { rewrites.len() } else { SHOWN };
    for (index, rewrite) in rewrites.iter().take(shown).enumerate() {
        let label = if index == 0 { "Differs" } else { "" };
        out.push_str(&section(label, &told(report, rewrite, &session.nat), style));
    }
    if rewrites.len() > shown {
        out.push_str(&section(
            "",
            &format!("and {} more (-v shows them)", rewrites.len() - shown),
            style,
        ));
    }
    if let Some(length) = length(&session.nat) {
        out.push_str(&section("", &length, style));
    }
}

fn told(report: &Report, rewrite: &Rewrite, nat: &Nat) -> String {
    let damage = if breaks(rewrite) {
        ", which breaks the message"
    } else {
        ""
    };
    format!(
        "{}, {}: {} → {}{damage} ({})",
        message(rewrite),
        rewrite.field,
        value(rewrite.pre.as_deref()),
        value(rewrite.post.as_deref()),
        frames(report, rewrite, nat),
    )
}
