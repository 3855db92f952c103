//! Events in the shape of `--format ndjson`.

use std::net::SocketAddr;

use rtspscope_engine::{Event, Locator};
use rtspscope_wire::rtsp::message;
use serde::Serialize;

use crate::output::names;
use crate::output::place::Found;
use crate::output::privacy::{Privacy, own};
use crate::output::time::rfc3339;

/// One event at one tap.
#[derive(Debug, Serialize)]
pub(crate) struct EventLine {
    #[serde(flatten)]
    pub what: What,
    pub at: String,
    pub tap: String,
    /// The file, where the tap has several: the frame counts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub frame: Option<u64>,
    /// Tap, file and frame as a person reads them.
    #[serde(skip)]
    pub place: String,
}

/// Where something was seen.
pub(crate) struct Place {
    pub tap: String,
    pub found: Found,
    /// Both in words.
    pub told: String,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum What {
    /// A connection speaks RTSP.
    SessionStarted {
        client: String,
        server: String,
        encrypted: bool,
    },
    /// A request or a response is complete.
    Message {
        client: String,
        server: String,
        from: &'static str,
        method: Option<String>,
        cseq: Option<u32>,
        status: Option<u16>,
        /// The start line.
        line: String,
    },
    /// A SETUP was accepted.
    Setup {
        client: String,
        server: String,
        cseq: Option<u32>,
        transport: Option<String>,
    },
    /// PLAY or RECORD was accepted.
    Playing { client: String, server: String },
    /// The first packet of a medium.
    MediaArrived {
        from: String,
        to: String,
        ssrc: Option<u32>,
    },
    /// The connection is over.
    Ended {
        client: String,
        server: String,
        by: &'static str,
        reset: bool,
    },
}

/// The lines of an event: one, or two for the answer that accepts a SETUP.
pub(crate) fn lines_of(
    event: &Event,
    place: &dyn Fn(Locator) -> Place,
    privacy: Privacy,
) -> Vec<EventLine> {
    let ends = |client: &SocketAddr, server: &SocketAddr| (client.to_string(), server.to_string());
    let (at, what) = match event {
        Event::SessionStarted {
            at,
            client,
            server,
            encrypted,
        } => {
            let (client, server) = ends(client, server);
            (
                *at,
                What::SessionStarted {
                    client,
                    server,
                    encrypted: *encrypted,
                },
            )
        }
        Event::Message {
            client,
            server,
            method,
            cseq,
            message,
        } => {
            let (client, server) = ends(client, server);
            let parsed = message::parse(&message.raw).value;
            let start = message
                .raw
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .next()
                .unwrap_or_default();
            let what = What::Message {
                client: client.clone(),
                server: server.clone(),
                from: names::side(message.from),
                method: (!method.is_empty()).then(|| own(method)),
                cseq: *cseq,
                status: message.status,
                line: privacy.text(&String::from_utf8_lossy(start)),
            };
            let accepted = method == "SETUP"
                && message
                    .status
                    .is_some_and(|status| (200..300).contains(&status));
            let mut lines = vec![line(message.at, what, place)];
            if accepted {
                let transport = parsed
                    .header("Transport")
                    .map(|field| privacy.text(&field.value.text()));
                lines.push(line(
                    message.at,
                    What::Setup {
                        client,
                        server,
                        cseq: *cseq,
                        transport,
                    },
                    place,
                ));
            }
            return lines;
        }
        Event::Playing { at, client, server } => {
            let (client, server) = ends(client, server);
            (*at, What::Playing { client, server })
        }
        Event::MediaArrived { at, from, to, ssrc } => {
            let (from, to) = ends(from, to);
            (
                *at,
                What::MediaArrived {
                    from,
                    to,
                    ssrc: *ssrc,
                },
            )
        }
        Event::Ended {
            at,
            client,
            server,
            by,
            reset,
        } => {
            let (client, server) = ends(client, server);
            (
                *at,
                What::Ended {
                    client,
                    server,
                    by: names::side(*by),
                    reset: *reset,
                },
            )
        }
    };
    vec![line(at, what, place)]
}

fn line(at: Locator, what: What, place: &dyn Fn(Locator) -> Place) -> EventLine {
    let Place { tap, found, told } = place(at);
    EventLine {
        what,
        at: rfc3339(at.at),
        tap,
        file: found.file,
        frame: found.frame,
        place: told,
    }
}
