//! Answers that are no RTSP, and RTSP that looks like another protocol.

use crate::support::traffic::{LAN, Talk, Wire, message};
use crate::support::{engine, only_session};
use rtspscope_engine::model::{OtherProtocol, TransportKind};

const CLIENT: &str = "192.168.1.100:40000";

/// OPTIONS to a port, and the bytes that come back at once. Returns what the answer was taken for, and what is said of it.
fn answered(server: &str, answer: &[u8]) -> (Option<OtherProtocol>, Vec<String>) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, server);
    let asked = format!("OPTIONS rtsp://{server}/a RTSP/1.0|CSeq: 1");
    talk.client_says(&mut wire, &message(&asked));
    talk.server_says(&mut wire, answer);
    talk.client_closes(&mut wire);
    let snapshot = wire.engine.snapshot();
    let answer = only_session(&snapshot).legs[0].other_answer;
    let findings = snapshot.findings.iter();
    let said = findings.filter(|finding| finding.code.name() == "request-unanswered");
    (
        answer.map(|answer| answer.protocol),
        said.map(|finding| finding.summary.clone()).collect(),
    )
}

#[test]
fn an_answer_in_http_is_told() {
    let page = message("HTTP/1.1 400 Bad Request|Content-Type: text/html|Content-Length: 4||oh");
    assert_eq!(
        answered("203.0.113.10:80", &page),
        (
            Some(OtherProtocol::Http),
            vec!["OPTIONS (CSeq 1) was answered in HTTP, not in RTSP".to_owned()]
        )
    );
}

#[test]
fn an_alert_of_tls_is_told() {
    assert_eq!(
        answered("203.0.113.10:7441", &[21, 3, 3, 0, 2, 2, 70]),
        (
            Some(OtherProtocol::Tls),
            vec!["OPTIONS (CSeq 1) was answered in TLS, not in RTSP".to_owned()]
        )
    );
}

#[test]
fn an_answer_in_rtsp_is_none_of_them() {
    let answer = message("RTSP/1.0 200 OK|CSeq: 1");
    assert_eq!(answered("203.0.113.10:554", &answer), (None, Vec::new()));
}

#[test]
fn get_and_post_in_rtsp_are_requests_as_others() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, "192.168.1.90:7000");
    let ok = |cseq: u32| format!("RTSP/1.0 200 OK|CSeq: {cseq}");
    for (cseq, asked) in [
        "OPTIONS *",
        "GET /info",
        "SETUP rtsp://192.168.1.90/7",
        "POST /feedback",
        "RECORD rtsp://192.168.1.90/7",
        "GET /info",
    ]
    .into_iter()
    .enumerate()
    {
        let cseq = cseq as u32 + 1;
        talk.exchange(
            &mut wire,
            &format!("{asked} RTSP/1.0|CSeq: {cseq}"),
            &ok(cseq),
        );
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    let exchanges = &session.legs[0].exchanges;
    let answered = exchanges
        .iter()
        .filter(|exchange| exchange.request.is_some() && exchange.succeeded());
    assert_eq!((exchanges.len(), answered.count()), (6, 6));
    assert_eq!(session.transport, TransportKind::Unknown);
    assert_eq!(session.url.as_deref(), Some("rtsp://192.168.1.90/7"));
}
