//! What is said of every message of a session, for those who asked for all.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::{Exchange, Leg, Message};

use crate::output::json::Report;
use crate::output::place;
use crate::output::privacy::Privacy;

/// Which connection at which tap.
pub(in crate::output) fn leg(report: &Report, leg: &Leg) -> String {
    let tap = report.capture.taps.get(usize::from(leg.tap.0));
    let name = tap.map_or("tap", |tap| tap.name.as_str());
    let forgotten = match leg.forgotten_keepalives {
        0 => String::new(),
        count => format!(" ({count} keepalives in the middle are not kept)"),
    };
    format!("{name}: {} → {}{forgotten}", leg.client, leg.server)
}

/// A request and its answer, each with its frame and first line.
pub(in crate::output) fn exchange(
    snapshot: &Snapshot,
    exchange: &Exchange,
    privacy: Privacy,
) -> String {
    let shown = |message: &Message| {
        let start = message
            .raw
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap_or_default();
        let frame = place::number(&place::find(snapshot, message.at));
        let frame = frame.map_or_else(String::new, |frame| frame + " ");
        format!("{frame}{}", privacy.text(&String::from_utf8_lossy(start)))
    };
    let request = exchange
        .request
        .as_deref()
        .map_or_else(|| "(request not captured)".to_owned(), shown);
    let response = exchange
        .response
        .as_deref()
        .map_or_else(|| "no answer".to_owned(), shown);
    let cseq = exchange
        .cseq
        .map_or_else(String::new, |cseq| format!("CSeq {cseq}: "));
    format!("{cseq}{request} → {response}")
}
