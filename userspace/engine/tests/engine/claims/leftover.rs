//! A server that sends on after the end of a session, to ports that the next session takes up again.

use crate::support::traffic::{LAN, Talk, Wire};
use crate::support::{arrival, engine};

const CLIENT: &str = "192.168.1.40";
const SERVER: &str = "203.0.113.10:554";
const FROM: &str = "203.0.113.10:6970";
const TO: &str = "192.168.1.40:5000";

/// Sets up port 5000 and plays it in a connection of this client port, with the source that the answer announces.
fn play(wire: &mut Wire, client_port: u16, announced: Option<u32>) -> Talk {
    let isn = (u32::from(client_port), 7);
    let mut talk = Talk::open_with(wire, LAN, &format!("{CLIENT}:{client_port}"), SERVER, isn);
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
    let ssrc = announced.map_or_else(String::new, |ssrc| format!(";ssrc={ssrc:08X}"));
    talk.exchange(
        wire,
        &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
        &format!(
            "RTSP/1.0 200 OK|CSeq: 1|Session: {client_port}|{transport};server_port=6970-6971{ssrc}"
        ),
    );
    talk.exchange(
        wire,
        &format!("PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: {client_port}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: {client_port}"),
    );
    talk
}

/// Packets of the two sessions where the first source goes on beside the second for twelve packets of sixty.
fn counts(announced: [Option<u32>; 2]) -> Vec<(u64, Option<u64>)> {
    let [first, second] = announced;
    let mut wire = Wire::new(engine(1));
    let mut talk = play(&mut wire, 40_000, first);
    wire.rtp(LAN, FROM, TO, 0xA, 0..50);
    talk.client_closes(&mut wire);
    play(&mut wire, 40_001, second);
    for number in 50..62 {
        wire.rtp(LAN, FROM, TO, 0xA, [number]);
        wire.rtp(LAN, FROM, TO, 0xB, [number - 50]);
    }
    wire.rtp(LAN, FROM, TO, 0xB, 12..60);
    let snapshot = wire.engine.snapshot();
    let sessions = snapshot.sessions.iter();
    let arrivals = sessions.map(|session| &arrival(session, 0, 0).rtp);
    arrivals.map(|rtp| (rtp.packets, rtp.lost)).collect()
}

#[test]
fn what_is_left_over_is_of_the_session_that_its_source_was_announced_for() {
    let parted = counts([Some(0xA), Some(0xB)]);
    assert_eq!(parted, [(62, Some(0)), (60, Some(0))]);
}

/// Not announced, or announced otherwise than sent: it is not of the second one all the same, because it came before that asked,
/// and nobody can say that it is of the first.
#[test]
fn a_source_that_no_answer_tells_of_is_nobodys() {
    for announced in [
        [None, None],
        [Some(0xA), None],
        [None, Some(0xB)],
        [Some(0xA), Some(0xC)],
    ] {
        let together = counts(announced);
        assert_eq!(together, [(50, Some(0)), (60, Some(0))], "{announced:?}");
    }
}
