//! Events as lines for eyes.

use super::WithdrawnLine;
use super::event::{EventLine, What};
use crate::output::json;

/// The line with its end.
pub(super) fn line(event: &EventLine) -> String {
    let time = event.at.get(11..26).unwrap_or(&event.at);
    let place = &event.place;
    format!("{time}  {place:<20}  {}\n", told(&event.what))
}

/// A finding as one line, with the URL of its session.
pub(super) fn finding(finding: &json::Finding, report: &json::Report) -> String {
    let of_session = |id| {
        report
            .sessions
            .iter()
            .find(|session| Some(session.id) == id)
    };
    let url = of_session(finding.session).and_then(|session| session.url.as_deref());
    let place = url.map_or_else(String::new, |url| format!("{url}  "));
    let (severity, code) = (finding.severity, finding.code);
    format!("{severity}  {place}{} [{code}]\n", finding.summary)
}

/// A line that takes one of [`finding`] back.
pub(super) fn withdrawn(line: &WithdrawnLine) -> String {
    let of = line
        .session
        .map_or_else(String::new, |id| format!(" of session {id}"));
    format!(
        "withdrawn  [{}]{of}: what came later speaks against it\n",
        line.code
    )
}

fn told(what: &What) -> String {
    match what {
        What::SessionStarted {
            client,
            server,
            encrypted: false,
        } => format!("{client} → {server}  speaks RTSP"),
        What::SessionStarted {
            client,
            server,
            encrypted: true,
        } => {
            format!("{client} → {server}  is encrypted and cannot be read")
        }
        What::Message {
            client,
            server,
            from,
            method,
            cseq,
            status,
            line,
        } => {
            let arrow = if *from == "client" { "→" } else { "←" };
            let cseq = cseq.map_or_else(String::new, |cseq| format!("  CSeq {cseq}"));
            let answered = match (status, method) {
                (Some(_), Some(method)) => format!("  to {method}"),
                _ => String::new(),
            };
            format!("{client} {arrow} {server}  {line}{answered}{cseq}")
        }
        What::Setup {
            client,
            server,
            transport,
            ..
        } => {
            let transport = transport.as_deref().unwrap_or("without a Transport header");
            format!("{client} → {server}  set up: {transport}")
        }
        What::Playing { client, server } => format!("{client} → {server}  plays"),
        What::MediaArrived { from, to, ssrc } => {
            let ssrc = ssrc.map_or_else(String::new, |ssrc| format!("  SSRC {ssrc:08x}"));
            format!("{from} → {to}  first RTP packet{ssrc}")
        }
        What::Ended {
            client,
            server,
            by,
            reset,
        } => {
            let how = if *reset { "reset" } else { "ended" };
            format!("{client} → {server}  {how} by the {by}")
        }
    }
}
