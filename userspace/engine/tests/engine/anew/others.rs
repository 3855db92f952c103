//! Streams that take each other's place on one connection, at the same port or channel: a viewer that switches channels.

use super::*;

impl Path {
    /// A SETUP of any stream in any session.
    fn set_up_in(&mut self, session: &str, stream: &str, transport: &str) {
        let served = if transport == TCP {
            ""
        } else {
            ";server_port=6970-6971"
        };
        let answer = format!("|Session: {session}|Transport: {transport}{served}");
        let request = format!("SETUP {URL}/{stream}|Transport: {transport}");
        self.exchange(&request, "200 OK", &answer);
    }

    fn ask_in(&mut self, session: &str, request: &str) {
        let fields = format!("Session: {session}");
        self.exchange(
            &format!("{request}|{fields}"),
            "200 OK",
            &format!("|{fields}"),
        );
    }

    fn play_in(&mut self, session: &str) {
        self.ask_in(session, &format!("PLAY {URL}"));
    }
}

/// Twenty packets of each of so many channels, at one and the same place.
fn switched(transport: &str, channels: u32, torn_down: bool) -> Path {
    let mut path = Path::open();
    for channel in 0..channels {
        let session = channel.to_string();
        path.set_up_in(&session, &format!("channel{channel}"), transport);
        path.play_in(&session);
        if transport == TCP {
            path.media_inside(channel);
        } else {
            path.punch(5000, 5000);
            path.media(5000, channel, true);
        }
        if torn_down {
            path.ask_in(&session, &format!("TEARDOWN {URL}"));
        }
    }
    path
}

#[test]
fn each_channel_has_its_own_counts() {
    let ways = [(udp(5000), "5000"), (TCP.to_owned(), "Some((0, 1))")];
    for (transport, way) in &ways {
        for torn_down in [true, false] {
            let snapshot = switched(transport, 3, torn_down).seen();
            let rows = [true, true, false].map(|superseded| row(way, superseded, [20, 20]));
            assert_eq!(told(&snapshot), rows, "{transport}, {torn_down}");
            assert_eq!(snapshot.findings, [], "{transport}, {torn_down}");
        }
    }
}

#[test]
fn a_channel_that_is_seen_again_is_a_use_of_its_own() {
    let mut path = switched(TCP, 2, true);
    path.set_up_in("9", "channel0", TCP);
    path.play_in("9");
    path.media_inside(0xabc);
    let rows = [true, true, false].map(|superseded| row("Some((0, 1))", superseded, [20, 20]));
    assert_eq!(told(&path.seen()), rows);
}

#[test]
fn the_channel_that_got_nothing_is_the_one_that_is_told_of() {
    for transport in [udp(5000), TCP.to_owned()] {
        let mut path = switched(&transport, 1, true);
        path.set_up_in("9", "channel9", &transport);
        path.play_in("9");
        path.wire.wait_ms(8_000);
        path.ask_in("9", &format!("TEARDOWN {URL}"));
        let findings = path.seen().findings;
        let told: Vec<_> = findings
            .iter()
            .map(|finding| (finding.code.name(), finding.subject.media))
            .collect();
        assert_eq!(told, [("rtp-never-sent", Some(1))], "{transport}");
    }
}

#[test]
fn media_of_one_session_share_a_port_at_one_time() {
    let mut path = Path::open();
    path.set_up_in("7", "video", &udp(5000));
    path.play_in("7");
    path.punch(5000, 5000);
    path.media(5000, 0xabc, true);
    path.set_up_in("7", "audio", &udp(5000));
    path.play_in("7");
    path.media(5000, 0xabc, true);
    assert_eq!(
        told(&path.seen()),
        [row("5000", false, [40, 40]), row("5000", false, [0, 0])]
    );
}

#[test]
fn the_end_of_one_stream_is_not_the_end_of_the_others() {
    let mut path = Path::open();
    path.set_up_in("7", "video", &udp(5000));
    path.set_up_in("7", "audio", &udp(5010));
    path.play_in("7");
    path.punch(5000, 5000);
    path.media(5000, 0xabc, true);
    path.ask_in("7", &format!("TEARDOWN {URL}/audio"));
    path.set_up_in("7", "text", &udp(5010));
    path.play_in("7");
    path.media(5000, 0xabc, true);
    let superseded: Vec<bool> = told(&path.seen()).iter().map(|told| told.1).collect();
    assert_eq!(superseded, [false, true, false]);
}

#[test]
fn of_channels_without_end_the_last_are_kept() {
    let told = told(&switched(TCP, 14, true).seen());
    assert_eq!(told.len(), 9);
    assert_eq!(told.last(), Some(&row("Some((0, 1))", false, [20, 20])));
    assert_eq!(told.first(), Some(&row("Some((0, 1))", true, [20, 20])));
}

#[test]
fn a_channel_that_is_refused_gets_nothing_of_the_one_before() {
    let mut path = Path::open();
    let describe = |path: &mut Path, channel: u8| {
        let body =
            format!("v=0|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:channel{channel}");
        let len = body.replace('|', "\r\n").len() + 2;
        let base = format!("{URL}{channel}/");
        let more = format!(
            "|Content-Base: {base}|Content-Type: application/sdp|Content-Length: {len}||{body}"
        );
        path.exchange(&format!("DESCRIBE {URL}{channel}"), "200 OK", &more);
        format!("SETUP {base}channel{channel}|Transport: {TCP}")
    };
    let first = describe(&mut path, 1);
    path.exchange(&first, "200 OK", &format!("|Session: 1|Transport: {TCP}"));
    path.play_in("1");
    path.media_inside(1);
    path.ask_in("1", &format!("TEARDOWN {URL}"));
    let second = describe(&mut path, 2);
    path.exchange(&second, "453 Not Enough Bandwidth", "");
    let snapshot = path.seen();
    let media = only_session(&snapshot).media.iter();
    let told = media.map(|media| {
        let packets = media.arrivals.iter().map(|arrival| arrival.rtp.packets);
        (
            media.encoding.as_deref(),
            media.clock_rate,
            packets.collect(),
        )
    });
    let told: Vec<(Option<&str>, Option<u32>, Vec<u64>)> = told.collect();
    let described = (Some("H264"), Some(90_000));
    assert_eq!(
        told,
        [vec![20, 20], vec![0, 0]].map(|packets| (described.0, described.1, packets))
    );
    let findings = snapshot.findings.iter();
    let codes: Vec<&str> = findings.map(|finding| finding.code.name()).collect();
    assert_eq!(codes, ["server-busy"]);
}
