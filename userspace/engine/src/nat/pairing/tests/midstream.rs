//! Legs of which no tap saw the handshake.

use super::*;

/// A leg without its beginning whose messages stand at these numbers in the streams of client and server.
fn midstream(leg: Leg, reached: [u32; 2]) -> Leg {
    let mut leg = without_isn(leg);
    (leg.from_client.reached, leg.from_server.reached) = (Some(reached[0]), Some(reached[1]));
    (leg.from_client.begin, leg.from_server.begin) = (Some(reached[0]), Some(reached[1]));
    for exchange in leg.exchanges_mut() {
        for message in [&mut exchange.request, &mut exchange.response] {
            let message = message.as_mut().map(Arc::make_mut);
            message.expect("a whole exchange").at.stream_offset = Some(0);
        }
    }
    leg
}

#[test]
fn captures_one_after_the_other_are_one_connection_by_session_and_numbers() {
    let keepalive = |secs: u32, cseq: u32| {
        format!(
            "
    {secs}.0 > OPTIONS rtsp://203.0.113.10/a RTSP/1.0 | CSeq: {cseq} | Session: 66334873
    {secs}.1 < RTSP/1.0 200 OK | CSeq: {cseq} | Session: 66334873"
        )
    };
    let first = midstream(lan(&keepalive(1, 7)), [5_000, 90_000]);
    let second = |talk: &str, reached| midstream(wan(talk), reached);
    let pairs = |second: Leg| legs_of(&pair(&[first.clone(), second]));
    let later = keepalive(60, 9);
    let groups = pair(&[first.clone(), second(&later, [5_400, 91_000])]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
    assert_eq!(groups[0].evidence, [PairEvidence::TcpSequence]);
    assert_eq!(
        pairs(second(&later, [5_400, 3_000_000_000])),
        [[0], [1]],
        "another stream"
    );
    assert_eq!(
        pairs(second(&other_session(&later), [5_400, 91_000])),
        [[0], [1]],
        "another session"
    );
}
