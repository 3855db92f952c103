//! Every message of a session, leg by leg, for those who asked for all.

use rtspscope_engine::model::{Exchange, Message, Session};

use super::session::section;
use super::style::Style;
use crate::output::json::Report;
use crate::output::privacy::Privacy;

pub(super) fn write(
    out: &mut String,
    report: &Report,
    session: &Session,
    privacy: Privacy,
    style: &Style,
) {
    for leg in &session.legs {
        let tap = report
            .capture
            .taps
            .get(usize::from(leg.tap.0))
            .map_or("tap", |tap| tap.name.as_str());
        out.push_str(&section(
            "Leg",
            &format!("{tap}: {} → {}", leg.client, leg.server),
            style,
        ));
        for exchange in &leg.exchanges {
            out.push_str(&section("", &told(exchange, privacy), style));
        }
    }
}

fn told(exchange: &Exchange, privacy: Privacy) -> String {
    let shown = |message: &Message| {
        let start = message
            .raw
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap_or_default();
        let frame = message
            .at
            .frame
            .map_or_else(String::new, |frame| format!("#{frame} "));
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
