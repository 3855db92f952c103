//! RTSP in pairs of HTTP connections: refusals for want of a password, POSTs that end and go on in another.

use rtspscope_engine::model::{Session, SessionState, TransportKind};
use rtspscope_engine::{Code, Snapshot};

use crate::support::traffic::{LAN, Talk, Wire, interleaved, message, rtp_packet};
use crate::support::{arrival, conversation, engine, only_session};

const SERVER: &str = "203.0.113.10:80";
const REFUSED: &str = "HTTP/1.1 401 Unauthorized|WWW-Authenticate: Digest realm=\"x\", nonce=\"n\"|Content-Length: 24||<html>No, sir.</html>..";
const ACCEPTED: &str = "HTTP/1.1 200 OK|Content-Type: application/x-rtsp-tunnelled";
const SDP: &str = "v=0|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1";

/// What a client with its ports does, one connection after the other.
struct Player {
    wire: Wire,
    next_port: u16,
    cseq: u32,
}

impl Player {
    fn new() -> Self {
        Self {
            wire: Wire::new(engine(1)),
            next_port: 40_000,
            cseq: 0,
        }
    }

    fn connect(&mut self) -> Talk {
        let client = format!("192.168.1.100:{}", self.next_port);
        self.next_port += 1;
        let isn = (u32::from(self.next_port) * 1_000, 2_000);
        Talk::open_with(&mut self.wire, LAN, &client, SERVER, isn)
    }

    fn get(&mut self, talk: &mut Talk, cookie: &str) {
        let text = format!(
            "GET /a HTTP/1.1|x-sessioncookie: {cookie}|Accept: application/x-rtsp-tunnelled"
        );
        talk.client_says(&mut self.wire, &message(&text));
    }

    fn post(&mut self, talk: &mut Talk, cookie: &str) {
        let text = format!(
            "POST /a HTTP/1.1|x-sessioncookie: {cookie}|Content-Type: application/x-rtsp-tunnelled|Content-Length: 32767"
        );
        talk.client_says(&mut self.wire, &message(&text));
    }

    fn answer(&mut self, talk: &mut Talk, text: &str) {
        talk.server_says(&mut self.wire, &message(text));
    }

    fn ask(&mut self, post: &mut Talk, method: &str, more: &str) {
        self.cseq += 1;
        let text = format!(
            "{method} rtsp://203.0.113.10:80/a RTSP/1.0|CSeq: {}{more}",
            self.cseq
        );
        post.client_says(&mut self.wire, base64(&message(&text)).as_bytes());
    }

    fn grant(&mut self, get: &mut Talk, more: &str) {
        let text = format!("RTSP/1.0 200 OK|CSeq: {}{more}", self.cseq);
        get.server_says(&mut self.wire, &message(&text));
    }

    fn describe(&mut self, get: &mut Talk, post: &mut Talk) {
        self.ask(post, "DESCRIBE", "");
        let len = message(SDP).len() - 2;
        self.grant(
            get,
            &format!("|Content-Type: application/sdp|Content-Length: {len}||{SDP}"),
        );
    }

    fn set_up(&mut self, get: &mut Talk, post: &mut Talk) {
        let transport = "|Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
        self.ask(post, "SETUP", transport);
        self.grant(get, &format!("|Session: 5{transport}"));
    }

    fn play(&mut self, get: &mut Talk, post: &mut Talk, packets: u16) {
        self.ask(post, "PLAY", "|Session: 5");
        self.grant(get, "|Session: 5");
        for number in 0..packets {
            let frame = interleaved(0, &rtp_packet(number, 7));
            get.server_says(&mut self.wire, &frame);
        }
    }

    fn tear_down(&mut self, get: &mut Talk, post: &mut Talk) {
        self.ask(post, "TEARDOWN", "|Session: 5");
        self.grant(get, "");
    }

    /// All of it over one POST.
    fn watch(&mut self, get: &mut Talk, post: &mut Talk) {
        self.describe(get, post);
        self.set_up(get, post);
        self.play(get, post, 40);
        self.tear_down(get, post);
        get.client_closes(&mut self.wire);
        post.client_closes(&mut self.wire);
        self.wire.wait_ms(3_000);
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes.chunks(3).flat_map(|three| {
        let padded = [0, 1, 2].map(|at| three.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        (0..4).map(move |digit| {
            let value = (bits >> (18 - 6 * digit)) as usize % 64;
            if digit <= three.len() {
                char::from(LETTERS[value])
            } else {
                '='
            }
        })
    });
    letters.collect()
}

/// A session that played to its end, with all its RTP and nothing wrong with it.
fn assert_healthy(session: &Session, methods: &[&str]) {
    assert_eq!(session.transport, TransportKind::HttpTunnel);
    assert_eq!(session.state, SessionState::Ended);
    let talk = conversation(&session.legs[0]);
    let expected = methods
        .iter()
        .map(|method| ((*method).to_owned(), Some(200)));
    assert_eq!(talk, expected.collect::<Vec<_>>());
    assert_eq!(arrival(session, 0, 0).rtp.packets, 40);
}

fn troubles(snapshot: &Snapshot) -> Vec<&'static str> {
    let findings = snapshot.findings.iter().map(|finding| finding.code);
    let others = findings.filter(|code| *code != Code::CaptureIncomplete);
    others.map(Code::name).collect()
}

const ALL: [&str; 4] = ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"];

#[test]
fn a_get_and_a_post_may_be_refused_and_asked_for_again_on_one_connection() {
    let mut player = Player::new();
    let (mut get, mut post) = (player.connect(), player.connect());
    for answer in [REFUSED, ACCEPTED] {
        player.get(&mut get, "c1");
        player.answer(&mut get, answer);
    }
    player.post(&mut post, "c1");
    player.answer(&mut post, REFUSED);
    player.post(&mut post, "c1");
    player.watch(&mut get, &mut post);
    let snapshot = player.wire.engine.snapshot();
    assert_healthy(only_session(&snapshot), &ALL);
    assert_eq!(troubles(&snapshot), Vec::<&str>::new());
}

#[test]
fn refused_attempts_on_other_connections_are_no_sessions() {
    for cookies in [["c1", "c1"], ["c1", "c2"]] {
        let mut player = Player::new();
        let mut refused = player.connect();
        player.get(&mut refused, cookies[0]);
        player.answer(&mut refused, REFUSED);
        refused.client_closes(&mut player.wire);
        let mut get = player.connect();
        player.get(&mut get, cookies[1]);
        player.answer(&mut get, ACCEPTED);
        let mut refused = player.connect();
        player.post(&mut refused, cookies[1]);
        player.answer(&mut refused, REFUSED);
        refused.client_closes(&mut player.wire);
        let mut post = player.connect();
        player.post(&mut post, cookies[1]);
        player.watch(&mut get, &mut post);
        let snapshot = player.wire.engine.snapshot();
        assert_healthy(only_session(&snapshot), &ALL);
        assert_eq!(troubles(&snapshot), Vec::<&str>::new());
    }
}

#[test]
fn a_get_that_is_refused_for_good_is_one_failed_session() {
    let mut player = Player::new();
    for _ in 0..2 {
        let mut get = player.connect();
        player.get(&mut get, "c1");
        player.answer(&mut get, REFUSED);
        get.client_closes(&mut player.wire);
    }
    let snapshot = player.wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).state, SessionState::Failed);
}

#[test]
fn a_client_may_go_on_in_another_post_whenever_it_likes() {
    let mut player = Player::new();
    let mut get = player.connect();
    player.get(&mut get, "c1");
    player.answer(&mut get, ACCEPTED);
    let reopen = |player: &mut Player| {
        let mut post = player.connect();
        player.post(&mut post, "c1");
        post
    };
    let mut post = reopen(&mut player);
    player.describe(&mut get, &mut post);
    player.set_up(&mut get, &mut post);
    post.client_closes(&mut player.wire);
    let mut post = reopen(&mut player);
    player.play(&mut get, &mut post, 40);
    post.client_closes(&mut player.wire);
    let mut post = reopen(&mut player);
    player.tear_down(&mut get, &mut post);
    get.client_closes(&mut player.wire);
    player.wire.wait_ms(3_000);
    let snapshot = player.wire.engine.snapshot();
    assert_healthy(only_session(&snapshot), &ALL);
    assert_eq!(troubles(&snapshot), Vec::<&str>::new());
}

#[test]
fn what_was_asked_in_a_refused_post_is_asked_once() {
    for same_number in [true, false] {
        let mut player = Player::new();
        let mut get = player.connect();
        player.get(&mut get, "c1");
        player.answer(&mut get, ACCEPTED);
        let mut refused = player.connect();
        player.post(&mut refused, "c1");
        player.ask(&mut refused, "DESCRIBE", "");
        player.answer(&mut refused, REFUSED);
        refused.client_closes(&mut player.wire);
        if same_number {
            player.cseq -= 1;
        }
        let mut post = player.connect();
        player.post(&mut post, "c1");
        player.watch(&mut get, &mut post);
        let snapshot = player.wire.engine.snapshot();
        assert_healthy(only_session(&snapshot), &ALL);
        assert_eq!(troubles(&snapshot), Vec::<&str>::new());
    }
}

#[test]
fn a_post_that_is_answered_at_once_or_refused_at_its_end_still_asks() {
    let mut player = Player::new();
    let (mut get, mut post) = (player.connect(), player.connect());
    player.post(&mut post, "c1");
    player.answer(&mut post, ACCEPTED);
    player.get(&mut get, "c1");
    player.answer(&mut get, ACCEPTED);
    player.watch(&mut get, &mut post);
    player.answer(&mut post, "HTTP/1.1 400 Bad Request|Connection: close");
    let snapshot = player.wire.engine.snapshot();
    assert_healthy(only_session(&snapshot), &ALL);
}

#[test]
fn a_cookie_that_is_used_again_later_is_another_session() {
    let mut player = Player::new();
    for _ in 0..2 {
        let mut get = player.connect();
        player.get(&mut get, "c1");
        player.answer(&mut get, ACCEPTED);
        let mut post = player.connect();
        player.post(&mut post, "c1");
        player.cseq = 0;
        player.watch(&mut get, &mut post);
        player.wire.wait_ms(20_000);
    }
    let snapshot = player.wire.engine.snapshot();
    assert_eq!(snapshot.sessions.len(), 2);
    for session in &snapshot.sessions {
        assert_healthy(session, &ALL);
    }
    assert_eq!(troubles(&snapshot), Vec::<&str>::new());
}
