//! Sessions whose client has a connection for each request.

use rtspscope_engine::Code;
use rtspscope_engine::model::SessionState;

use crate::support::traffic::{LAN, Talk, WAN, Wire};
use crate::support::{arrival, conversation, engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const URL: &str = "rtsp://203.0.113.10/cam";

/// Two taps of a router, and a client whose connections are numbered.
struct Lab {
    wire: Wire,
    connections: u16,
}

impl Lab {
    fn new() -> Self {
        Self {
            wire: Wire::new(engine(2)),
            connections: 0,
        }
    }

    /// A request and its answer on a connection of their own at both taps.
    fn ask(&mut self, request: &str, answer: &str) -> [Talk; 2] {
        self.connections += 1;
        let port = 40_000 + self.connections;
        let isn = 10_000 * u32::from(self.connections);
        [(LAN, "192.168.1.100"), (WAN, "203.0.113.1")].map(|(tap, client)| {
            let client = format!("{client}:{port}");
            let numbers = (isn, isn + 5_000);
            let mut talk = Talk::open_with(&mut self.wire, tap, &client, SERVER, numbers);
            talk.exchange(&mut self.wire, request, answer);
            talk
        })
    }

    /// The same, and both ends hang up after so long.
    fn ask_once(&mut self, after_ms: i64, request: &str, answer: &str) {
        let talks = self.ask(request, answer);
        self.wire.wait_ms(after_ms);
        for mut talk in talks {
            talk.client_closes(&mut self.wire);
            talk.server_closes(&mut self.wire, true);
        }
    }

    /// Sets up one medium and plays it, each with a connection that is left open for so long.
    fn play(&mut self, after_ms: i64) {
        let sdp = "v=0|s=cam|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1|";
        let len = sdp.len() + sdp.matches('|').count();
        self.ask_once(
            after_ms,
            &format!("DESCRIBE {URL} RTSP/1.0|CSeq: 1"),
            &format!(
                "RTSP/1.0 200 OK|CSeq: 1|Content-Type: application/sdp|Content-Length: {len}||{sdp}"
            ),
        );
        let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
        self.ask_once(
            after_ms,
            &format!("SETUP {URL}/track1 RTSP/1.0|CSeq: 2|{transport}"),
            &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 77|{transport};server_port=6970-6971"),
        );
        self.ask_once(
            after_ms,
            &format!("PLAY {URL} RTSP/1.0|CSeq: 3|Session: 77"),
            "RTSP/1.0 200 OK|CSeq: 3|Session: 77",
        );
    }

    /// Media passes for two seconds at these taps.
    fn media(&mut self, ends: &[(rtspscope_wire::TapId, &str)]) {
        for number in 0..50_u16 {
            for (tap, to) in ends {
                self.wire.rtp(*tap, "203.0.113.10:6970", to, 9, [number]);
            }
            self.wire.wait_ms(40);
        }
    }

    fn tear_down(&mut self) {
        self.ask_once(
            5,
            &format!("TEARDOWN {URL} RTSP/1.0|CSeq: 4|Session: 77"),
            "RTSP/1.0 200 OK|CSeq: 4",
        );
    }
}

const INSIDE: (rtspscope_wire::TapId, &str) = (LAN, "192.168.1.100:5000");
const OUTSIDE: (rtspscope_wire::TapId, &str) = (WAN, "203.0.113.1:5000");

#[test]
fn the_connections_of_a_session_are_one_session_on_both_sides_of_the_router() {
    let mut lab = Lab::new();
    lab.play(5);
    lab.media(&[INSIDE, OUTSIDE]);
    let playing = lab.wire.engine.snapshot();
    assert_eq!(only_session(&playing).state, SessionState::Playing);
    lab.tear_down();
    let snapshot = lab.wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.id, playing.sessions[0].id);
    let all =
        ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"].map(|method| (method.to_owned(), Some(200)));
    for (number, leg) in session.legs.iter().enumerate() {
        assert_eq!(conversation(leg), all);
        assert_eq!(arrival(session, 0, number).rtp.packets, 50);
    }
    assert_eq!(session.legs.len(), 2);
    // Nothing had opened the way in: that is true, and all there is to say.
    let codes: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, [Code::AlgOpenedPinhole]);
}

#[test]
fn media_that_stays_outside_is_told_of_such_a_session_too() {
    let mut lab = Lab::new();
    lab.play(5);
    lab.media(&[OUTSIDE]);
    lab.tear_down();
    let snapshot = lab.wire.engine.snapshot();
    let codes: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert!(codes.contains(&Code::NatNoPinhole), "{codes:?}");
    assert_eq!(snapshot.sessions.len(), 1);
}

#[test]
fn a_connection_that_stood_open_is_not_gone_on_with() {
    let mut lab = Lab::new();
    lab.play(5_000);
    assert_eq!(lab.wire.engine.snapshot().sessions.len(), 3);
}

/// The kernel programs are told of media by the sessions that are open: this one is, though all its connections are closed.
#[test]
fn a_session_is_open_after_each_of_its_connections_was_closed() {
    let mut lab = Lab::new();
    lab.play(5);
    let open = lab.wire.engine.open_sessions();
    let [session] = &open[..] else {
        panic!("one session: {open:#?}")
    };
    let media = &session.media[0];
    assert_eq!(media.clock_rate, Some(90_000));
    let ports: Vec<_> = media
        .per_leg
        .iter()
        .map(|leg| leg.client_rtp_port)
        .collect();
    assert_eq!(ports, [Some(5000); 2]);
    lab.tear_down();
    let states: Vec<_> = lab
        .wire
        .engine
        .open_sessions()
        .iter()
        .map(|session| session.state)
        .collect();
    assert!(
        states.iter().all(|state| *state == SessionState::Ended),
        "{states:?}"
    );
}
