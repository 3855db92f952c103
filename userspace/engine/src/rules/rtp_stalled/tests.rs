//! One medium at a time that stops, or only seems to.

use crate::model::Growth;
use crate::testkit::{BETWEEN, LAN, Scene, UDP_TALK, WAN, at};

#[test]
fn fires_and_tells_whether_the_router_or_the_server_stopped() {
    let snapshot = Scene::stopped(30.06, 59.9).checked();
    assert_eq!(
        snapshot.findings[0].summary,
        "media stopped after 30.0 s while the session went on"
    );
    assert!(
        snapshot.findings[0]
            .cause
            .contains("the router stopped letting it through")
    );
    assert!(
        Scene::stopped(30.0, 30.0).checked().findings[0]
            .cause
            .contains("the server stopped sending")
    );
}

#[test]
fn a_player_that_gives_up_makes_a_short_silence_a_stall() {
    assert_eq!(Scene::stopped(55.4, 55.4).troubles(), ["rtp-stalled"]);
    assert_eq!(Scene::stopped(55.6, 55.6).troubles(), Vec::<&str>::new());
    let mut stays = Scene::stopped(51.0, 51.0);
    for leg in &mut stays.legs {
        leg.closed = None;
        leg.exchanges_mut()
            .retain(|exchange| exchange.method != "TEARDOWN");
        leg.last = at(leg.tap, 60.0, 40);
    }
    assert_eq!(stays.troubles(), Vec::<&str>::new());
    let mut slow = Scene::stopped(55.0, 55.0);
    slow.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(600));
    assert_eq!(
        slow.troubles(),
        Vec::<&str>::new(),
        "a picture now and then"
    );
}

#[test]
fn fires_while_the_player_still_waits_and_asks_for_nothing() {
    let waits = |until: f64| {
        let mut scene = Scene::stopped(30.0, 30.0);
        for leg in &mut scene.legs {
            leg.closed = None;
            leg.exchanges_mut()
                .retain(|exchange| exchange.method != "TEARDOWN");
            leg.last = at(leg.tap, 25.0, 40);
        }
        for tap in [LAN, WAN] {
            for sent in &mut scene.arrival(tap).from_client {
                sent.last = at(tap, until, 350);
            }
        }
        scene.troubles()
    };
    assert_eq!(waits(45.0), ["rtp-stalled"]);
    assert_eq!(waits(32.0), Vec::<&str>::new());
}

#[test]
fn a_long_silence_is_a_stall_whoever_gives_up_after_an_earlier_pause() {
    let codes = |last: f64| {
        let mut paused = Scene::stopped(last, last);
        paused.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(2300));
        paused.troubles()
    };
    assert_eq!(codes(42.0), ["rtp-stalled"]);
    assert_eq!(codes(51.0), Vec::<&str>::new());
}

/// The cause, where the tap next to the server saw no more of the connection than PLAY, and of anything until then.
fn cause_watched(inside: f64, outside: f64, until: f64) -> (Vec<&'static str>, String) {
    let mut scene = Scene::stopped(inside, outside);
    let leg = &mut scene.legs[1];
    leg.exchanges_mut().truncate(3);
    leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
    leg.closed = None;
    scene.watched_until = [61.0, until];
    let findings = scene.checked().findings;
    let codes = findings.iter().map(|finding| finding.code.name());
    (codes.collect(), findings[0].cause.clone())
}

#[test]
fn a_tap_whose_recording_ended_with_the_media_or_before_tells_nothing_of_the_server() {
    for (outside, until) in [(30.0, 30.0), (30.0, 30.5), (4.9, 5.0)] {
        let (codes, cause) = cause_watched(30.0, outside, until);
        assert_eq!(codes, ["rtp-stalled"]);
        assert!(
            cause.contains("cannot be told: the server's side was not seen after that"),
            "{cause}"
        );
    }
    let (codes, cause) = cause_watched(30.0, 30.0, 32.0);
    assert_eq!(codes, ["rtp-stalled"]);
    assert!(cause.contains("the server stopped sending"), "{cause}");
}

#[test]
fn what_came_outside_after_a_pause_of_its_own_did_not_end_at_the_server() {
    let told = |more: u64| {
        let mut scene = proved(49.9, 59.8, more);
        scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(3200));
        let findings = scene.checked().findings;
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.name()).collect();
        (codes, findings[0].cause.clone())
    };
    let (codes, cause) = told(300);
    assert_eq!(codes, ["rtp-stalled", "mapping-expired"]);
    assert!(cause.contains("media went on for 9.9 s more"), "{cause}");
    let (codes, cause) = told(2);
    assert_eq!(codes, ["rtp-stalled"]);
    assert!(
        cause.contains(
            "a few came for 9.9 s more: whether the server or the router stopped cannot be told"
        ),
        "{cause}"
    );
}

/// Media that ended at these times at three taps between two routers that translate the client's address.
fn at_three(last: [f64; 3]) -> (Vec<&'static str>, String) {
    let talk = UDP_TALK
        .replace("10.0 >", "60.0 >")
        .replace("10.1 <", "60.1 <");
    let mut scene = Scene::behind_two_nats(&talk).punch(0.035, 5000);
    for (tap, secs) in [LAN, BETWEEN, WAN].into_iter().zip(last) {
        scene = scene.rtp_at(tap, 900);
        scene.arrival(tap).rtp.last = Some(at(tap, secs, 200));
    }
    let findings = scene.checked().findings;
    let troubles = findings.iter();
    let troubles = troubles.filter(|finding| finding.severity > crate::Severity::Info);
    let codes = troubles.map(|finding| finding.code.name());
    (codes.collect(), findings[0].cause.clone())
}

#[test]
fn of_several_routers_the_one_that_held_media_back_is_named() {
    let both = ["rtp-stalled", "mapping-expired"];
    for (last, between) in [
        ([30.0, 30.0, 59.9], "at wan media went on for 29.9 s more"),
        (
            [30.0, 59.9, 59.9],
            "at the tap media went on for 29.9 s more, and not at lan",
        ),
    ] {
        let (codes, cause) = at_three(last);
        assert_eq!(codes, both);
        assert!(cause.contains(between), "{cause}");
    }
    let (codes, cause) = at_three([30.0; 3]);
    assert_eq!(codes, ["rtp-stalled"]);
    assert!(cause.contains("the server stopped sending"), "{cause}");
}

fn growth(since: f64, more: u32) -> Growth {
    Growth {
        since: at(LAN, since, 90),
        shown: at(LAN, since + 5.0, 91),
        more,
    }
}

#[test]
fn what_the_ends_report_tells_whether_media_went_on() {
    let mut scene = Scene::stopped(30.0, 30.0);
    scene.arrival(LAN).rtcp.sending = Some(growth(40.0, 150));
    let cause = &scene.checked().findings[0].cause;
    assert!(
        cause.contains("its packets are lost before lan or go past it unseen"),
        "{cause}"
    );
    let received = |since: f64, more: u32| {
        let mut scene = Scene::stopped(30.0, 30.0);
        scene.arrival(LAN).rtcp.far_end.receiving = Some(growth(since, more));
        scene.codes()
    };
    assert_eq!(received(40.0, 150), ["capture-incomplete"]);
    assert_eq!(received(29.0, 150), ["rtp-stalled"]);
    assert_eq!(received(40.0, 1), ["rtp-stalled"]);
}

#[test]
fn is_silent_when_media_ran_to_the_end_or_the_server_said_goodbye() {
    assert_eq!(Scene::stopped(59.9, 59.9).troubles(), Vec::<&str>::new());
    let mut ended = Scene::stopped(30.0, 30.0);
    ended.arrival(WAN).rtcp.goodbye = Some(at(WAN, 30.1, 301));
    assert_eq!(ended.troubles(), Vec::<&str>::new());
}

#[test]
fn is_silent_for_a_stream_of_rare_pictures() {
    let mut scene = Scene::stopped(30.0, 30.0);
    scene.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_secs(15));
    assert_eq!(scene.troubles(), Vec::<&str>::new());
}

/// Media that stopped after 30 s of 60, where PLAY and its answer hold these fields.
fn stopped_with(request: &str, response: &str) -> Vec<&'static str> {
    let talk = UDP_TALK
        .replace("10.0 >", "60.0 >")
        .replace("10.1 <", "60.1 <")
        .replace(
            "CSeq: 4 | Session: 66334873\n    0.05",
            &format!("CSeq: 4 | Session: 66334873{request}\n    0.05"),
        )
        .replace(
            "CSeq: 4 | Session: 66334873\n    60.0",
            &format!("CSeq: 4 | Session: 66334873{response}\n    60.0"),
        );
    let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
    scene.arrival(LAN).rtp.last = Some(at(LAN, 30.0, 200));
    scene.arrival(WAN).rtp.last = Some(at(WAN, 30.0, 300));
    scene.troubles()
}

#[test]
fn is_silent_at_the_end_of_the_range_that_was_asked_for() {
    let none: [&str; 0] = [];
    assert_eq!(stopped_with("", " | Range: npt=10-40.5"), none);
    assert_eq!(stopped_with(" | Range: npt=0-31", ""), none);
    assert_eq!(stopped_with("", " | Range: npt=0-60 | Scale: 2.0"), none);
    assert_eq!(
        stopped_with("", " | Range: clock=20260101T000000Z-20260101T000030Z"),
        none
    );
}

#[test]
fn fires_before_the_end_of_the_range_and_for_one_without_end() {
    let stalled = ["rtp-stalled"];
    assert_eq!(stopped_with("", " | Range: npt=0-60"), stalled);
    assert_eq!(stopped_with("", " | Range: npt=0.000-"), stalled);
    assert_eq!(stopped_with(" | Range: npt=0.000000-0.000000", ""), stalled);
    assert_eq!(
        stopped_with(" | Range: npt=0-30", " | Range: npt=0-50"),
        stalled
    );
    assert_eq!(stopped_with("", " | Range: npt=0-30 | Scale: 0.5"), stalled);
}

/// The same, where the description has this line.
fn stopped_as_described(range: &str, talk: &str) -> Vec<&'static str> {
    let talk = talk.replace(
        "Content-Length: 46 || v=0",
        &format!("Content-Length: {} || v=0 | {range}", 48 + range.len()),
    );
    let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
    scene.arrival(LAN).rtp.last = Some(at(LAN, 30.0, 200));
    scene.arrival(WAN).rtp.last = Some(at(WAN, 30.0, 300));
    scene.troubles()
}

/// The talk of a client that stays for a minute, with this field in its PLAY.
fn for_a_minute(range: &str) -> String {
    UDP_TALK
        .replace("10.0 >", "60.0 >")
        .replace("10.1 <", "60.1 <")
        .replace("CSeq: 4 |", &format!("CSeq: 4 | {range}"))
}

#[test]
fn is_silent_at_the_end_that_the_description_names() {
    let none: [&str; 0] = [];
    for range in ["Range: npt=0.000- |", ""] {
        let talk = for_a_minute(range);
        for end in ["npt=0-30", "clock=20260101T000000Z-20260101T000030Z"] {
            assert_eq!(
                stopped_as_described(&format!("a=range:{end}"), &talk),
                none,
                "{range} {end}"
            );
        }
    }
    let sought = for_a_minute("Range: npt=70- |");
    assert_eq!(stopped_as_described("a=range:npt=0-100", &sought), none);
    let faster = for_a_minute("Scale: 2.0 |");
    assert_eq!(stopped_as_described("a=range:npt=0-60", &faster), none);
    let paused = for_a_minute("").replace(
        "    60.0 >",
        "    10.0 > PAUSE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873
    10.1 < RTSP/1.0 200 OK | CSeq: 5
    15.0 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 6 | Session: 66334873
    15.1 < RTSP/1.0 200 OK | CSeq: 6
    60.0 >",
    );
    assert_eq!(stopped_as_described("a=range:npt=0-25", &paused), none);
}

#[test]
fn fires_where_the_described_end_was_not_near() {
    let stalled = ["rtp-stalled"];
    let talk = for_a_minute("");
    for range in [
        "npt=0-",
        "npt=now-",
        "npt=0-0",
        "npt=0-20",
        "npt=0-60",
        "clock=20260101T000000Z-",
    ] {
        assert_eq!(
            stopped_as_described(&format!("a=range:{range}"), &talk),
            stalled,
            "{range}"
        );
    }
    let sought = for_a_minute("Range: npt=20- |");
    assert_eq!(stopped_as_described("a=range:npt=0-100", &sought), stalled);
}

#[test]
fn media_that_was_paused_and_played_on_may_stall_too() {
    let paused = |resumed: &str| {
        for_a_minute("").replace(
            "    60.0 >",
            &format!(
                "    10.0 > PAUSE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873
    10.1 < RTSP/1.0 200 OK | CSeq: 5
    {resumed}.0 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 6 | Session: 66334873
    {resumed}.1 < RTSP/1.0 200 OK | CSeq: 6
    60.0 >"
            ),
        )
    };
    let endless = "a=range:npt=0-";
    let stalled = ["rtp-stalled"];
    assert_eq!(stopped_as_described(endless, &paused("15")), stalled);
    let none: [&str; 0] = [];
    assert_eq!(stopped_as_described(endless, &paused("59")), none);
}

#[test]
fn is_silent_at_any_end_of_a_range_that_is_sent_without_its_pace() {
    let none: [&str; 0] = [];
    let fast = " | Rate-Control: no | Range: npt=0-600";
    assert_eq!(stopped_with(fast, ""), none);
    let endless = " | Rate-Control: no | Range: npt=0-";
    assert_eq!(stopped_with(endless, ""), ["rtp-stalled"]);
    let paced = " | Rate-Control: yes | Range: npt=0-600";
    assert_eq!(stopped_with(paced, ""), ["rtp-stalled"]);
}

/// The server says this at that time.
fn told(secs: f64, request: &str) -> Vec<&'static str> {
    let talk = for_a_minute("").replace(
        "    60.0 >",
        &format!(
            "    {secs:.1} < {request} | CSeq: 1
    {secs:.1} > RTSP/1.0 200 OK | CSeq: 1
    60.0 >"
        ),
    );
    stopped_as_described("a=range:npt=0-", &talk)
}

#[test]
fn is_silent_when_the_server_says_that_it_is_at_the_end() {
    let none: [&str; 0] = [];
    let announce = "ANNOUNCE rtsp://h/a RTSP/1.0 | x-notice: 2101 \"End-of-Stream Reached\"";
    let notify = "PLAY_NOTIFY rtsp://h/a RTSP/2.0 | Notify-Reason: end-of-stream";
    assert_eq!(told(30.2, announce), none);
    assert_eq!(told(30.2, notify), none);
    assert_eq!(told(20.0, announce), ["rtp-stalled"], "media went on");
    let other = announce.replace("2101", "2103");
    assert_eq!(told(30.2, &other), ["rtp-stalled"]);
}

/// A picture of 60 s that ended inside early, and packets that came 40 ms apart outside.
fn proved(inside: f64, outside: f64, packets: u64) -> Scene {
    let mut scene = Scene::stopped(inside, outside);
    scene.arrival(LAN).rtp.packets = 900 - packets;
    scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(40));
    scene.watched_until = [60.0; 2];
    scene
}

#[test]
fn three_seconds_are_enough_where_many_packets_more_came_outside() {
    let snapshot = proved(56.0, 59.9, 97).checked();
    let codes: Vec<&str> = snapshot
        .findings
        .iter()
        .map(|finding| finding.code.name())
        .collect();
    assert_eq!(codes, ["rtp-stalled", "mapping-expired"]);
    assert!(
        snapshot.findings[0]
            .cause
            .starts_with("no packet in the last 4.0 s of the session; on the server's side of the router media went on for 3.9 s more")
    );
    assert_eq!(proved(57.0, 59.9, 72).troubles(), Vec::<&str>::new());
    assert_eq!(proved(56.0, 59.9, 9).troubles(), Vec::<&str>::new());
}

#[test]
fn is_silent_where_packets_outside_come_too_far_apart_to_be_many() {
    let mut scene = proved(56.0, 59.9, 97);
    scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(400));
    assert_eq!(scene.troubles(), Vec::<&str>::new());
}

#[test]
fn is_silent_where_another_source_came_outside_or_the_capture_lost_packets() {
    let mut scene = proved(56.0, 59.9, 97);
    scene.arrival(LAN).rtp.ssrc = Some(1);
    scene.arrival(WAN).rtp.ssrc = Some(2);
    assert_eq!(scene.troubles(), Vec::<&str>::new());
    let mut scene = proved(56.0, 59.9, 97);
    scene.losses = vec![(crate::input::LossKind::DroppedByCapture, 1)];
    assert_eq!(scene.troubles(), Vec::<&str>::new());
}

#[test]
fn what_comes_outside_after_the_end_of_the_session_proves_nothing() {
    assert_eq!(proved(59.9, 66.0, 97).troubles(), Vec::<&str>::new());
}

#[test]
fn what_the_clients_tap_watched_is_enough_where_the_captures_end_near_the_freeze() {
    let codes = |inside: f64, outside: f64, end: f64| {
        let mut scene = proved(inside, outside, 97);
        let talk = UDP_TALK.split("10.0 >").next().unwrap();
        scene.legs = Scene::behind_nat(talk).legs;
        for leg in &mut scene.legs {
            leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
            leg.closed = None;
        }
        scene.watched_until = [end, outside];
        scene.troubles()
    };
    let expired = ["rtp-stalled", "mapping-expired"];
    assert_eq!(codes(20.0, 27.7, 27.7), expired);
    assert_eq!(codes(20.0, 28.5, 27.5), expired);
    assert_eq!(codes(20.0, 28.5, 23.4), Vec::<&str>::new());
}

/// The tap next to the client began a second after PLAY.
fn begun_late(scene: &mut Scene) {
    let leg = &mut scene.legs[0];
    let kept = leg.exchanges_mut().split_off(3);
    *leg.exchanges_mut() = kept;
    leg.first = at(leg.tap, 1.0, 1);
    scene.media[0].setup[0] = None;
}

#[test]
fn a_tap_that_began_after_play_shows_the_freeze_by_any_message_that_both_saw() {
    let mut scene = proved(20.0, 59.9, 400);
    begun_late(&mut scene);
    assert_eq!(scene.troubles(), ["rtp-stalled", "mapping-expired"]);
    let mut scene = proved(59.9, 59.9, 97);
    begun_late(&mut scene);
    assert_eq!(scene.troubles(), Vec::<&str>::new());
    let mut scene = proved(20.0, 59.9, 400);
    begun_late(&mut scene);
    scene.legs[1].exchanges_mut().truncate(3);
    assert_eq!(scene.troubles(), Vec::<&str>::new());
}

#[test]
fn is_silent_where_the_clients_tap_had_stopped_by_then() {
    let codes = |watched_until: f64| {
        let mut scene = proved(30.0, 38.0, 97);
        for leg in &mut scene.legs {
            leg.exchanges_mut().truncate(3);
            leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
            leg.closed = None;
        }
        scene.watched_until = [watched_until, 40.0];
        scene.troubles()
    };
    assert_eq!(codes(30.0), Vec::<&str>::new());
    assert_eq!(codes(39.0), ["rtp-stalled", "mapping-expired"]);
}

/// Media that stopped after 30 s of 60 with a goodbye at `said`, where the client asks again at `asks` and the description has this.
fn farewell(said: f64, asks: f64, description: &str) -> Scene {
    let talk = UDP_TALK
        .replace(
            "10.0 >",
            &format!(
                "{asks} > OPTIONS * RTSP/1.0 | CSeq: 9\n{asks} < RTSP/1.0 200 OK | CSeq: 9\n60.0 >"
            ),
        )
        .replace("10.1 <", "60.1 <")
        .replace("v=0 | ", &format!("v=0 | {description}"));
    let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
    for tap in [LAN, WAN] {
        let arrival = scene.arrival(tap);
        arrival.rtp.last = Some(at(tap, 30.0, 200));
        arrival.rtcp.goodbye = Some(at(tap, said, 201));
    }
    scene
}

#[test]
fn a_goodbye_that_media_follow_is_no_end() {
    assert_eq!(farewell(30.1, 35.0, "").troubles(), Vec::<&str>::new());
    assert_eq!(farewell(4.0, 35.0, "").troubles(), ["rtp-stalled"]);
}

#[test]
fn a_goodbye_of_a_camera_that_the_player_does_not_heed_is_the_reason() {
    let live = farewell(30.1, 45.0, "a=range:npt=now- | ").checked();
    assert_eq!(live.findings[0].code.name(), "rtp-stalled");
    assert_eq!(live.findings[0].severity, crate::Severity::Error);
    let cause = &live.findings[0].cause;
    assert!(
        cause.contains("the server said goodbye (RTCP BYE), and the client asked on"),
        "{cause}"
    );
    assert_eq!(live.findings[0].remedy, [super::ASK_ANEW]);
}

#[test]
fn a_goodbye_that_may_be_the_end_of_a_recording_is_told_as_such_or_not_at_all() {
    let open = farewell(30.1, 45.0, "a=range:npt=0- | ").checked();
    assert_eq!(open.findings[0].severity, crate::Severity::Warning);
    let cause = &open.findings[0].cause;
    assert!(cause.contains("where it plays a recording"), "{cause}");
    for nothing_says_that_it_is_open in ["a=range:npt=0-30 | ", ""] {
        let recording = farewell(30.1, 45.0, nothing_says_that_it_is_open);
        assert_eq!(recording.troubles(), Vec::<&str>::new());
    }
    let mut sound = farewell(30.1, 45.0, "a=range:npt=now- | ");
    let mut picture = sound.media[0].clone();
    for arrival in &mut picture.arrivals {
        (arrival.rtp.last, arrival.rtcp.goodbye) = (Some(at(arrival.tap, 59.9, 300)), None);
    }
    sound.media.push(picture);
    assert_eq!(
        sound.troubles(),
        Vec::<&str>::new(),
        "the client asks on for the picture"
    );
}

/// A live run's media that ended at these seconds inside and outside, with nothing else since PLAY, at this time of its clock.
fn quiet(inside: f64, outside: f64, now: f64) -> Scene {
    let mut scene = Scene::stopped(inside, outside);
    for leg in &mut scene.legs {
        leg.exchanges_mut().truncate(3);
        leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
        leg.closed = None;
    }
    for tap in [LAN, WAN] {
        scene.arrival(tap).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(40));
    }
    scene.watched_until = [now; 2];
    scene.ticked_at = Some(now);
    scene
}

#[test]
fn the_clock_of_a_live_run_tells_of_a_silence_that_no_packet_ends() {
    assert_eq!(quiet(30.0, 30.0, 34.9).troubles(), Vec::<&str>::new());
    let findings = quiet(30.0, 30.0, 35.1).checked().findings;
    assert_eq!(findings[0].code.name(), "rtp-stalled");
    assert_eq!(
        findings[0].summary,
        "media stopped after 29.9 s and nothing more of the server comes"
    );
    let cause = &findings[0].cause;
    let known = "no packet in the last 5.1 s up to now; nothing of the session passed any tap since: whether the server, or the player \
        with it, stopped, or the way between it and wan lets nothing through, only what passes next can tell; ";
    assert!(cause.starts_with(known), "{cause}");
    assert_eq!(
        findings[0].remedy,
        [
            super::LOOK_WHETHER_IT_IS_THERE,
            crate::rules::advice::LOOK_AT_THE_MOMENT
        ]
    );
}

#[test]
fn a_capture_without_a_clock_knows_nothing_of_the_silence_at_its_end() {
    let mut saved = quiet(30.0, 30.0, 60.0);
    saved.ticked_at = None;
    assert_eq!(saved.troubles(), Vec::<&str>::new());
}

#[test]
fn by_the_clock_too_it_is_told_who_is_still_there() {
    let mut asks = quiet(30.0, 30.0, 36.0);
    asks.arrival(LAN).from_client[0].last = at(LAN, 34.0, 350);
    let cause = asks.checked().findings.remove(0).cause;
    assert!(
        cause.contains("the player sends on, and nothing of the server passed any tap since"),
        "{cause}"
    );
    let mut answers = quiet(30.0, 30.0, 36.0);
    for leg in &mut answers.legs {
        leg.from_server.last = Some(at(leg.tap, 34.0, 90));
    }
    let snapshot = answers.checked();
    let cause = &snapshot.findings[0].cause;
    assert!(cause.contains("the server stopped sending"), "{cause}");
    let cause = quiet(30.0, 41.0, 41.1).checked().findings.remove(0).cause;
    assert!(
        cause.contains("the router stopped letting it through"),
        "{cause}"
    );
}

#[test]
fn by_the_clock_media_must_be_silent_at_every_tap_for_long_by_its_own_pace() {
    let none = Vec::<&str>::new();
    assert_eq!(
        quiet(30.0, 33.0, 36.0).troubles(),
        none,
        "it goes on outside"
    );
    let mut slow = quiet(30.0, 30.0, 39.0);
    slow.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_secs(1));
    assert_eq!(slow.troubles(), none);
    let mut few = quiet(30.0, 30.0, 39.0);
    few.arrival(LAN).rtp.packets = 9;
    assert_eq!(few.troubles(), none);
    let mut events = quiet(30.0, 30.0, 39.0);
    events.media[0].kind = Some("application".to_owned());
    assert_eq!(events.troubles(), none);
}

#[test]
fn the_clock_tells_nothing_of_what_is_paused_over_or_may_pass_unseen() {
    let none = Vec::<&str>::new();
    let mut paused = quiet(30.0, 30.0, 39.0);
    for leg in &mut paused.legs {
        let mut pause = leg.exchanges[2].clone();
        pause.method = "PAUSE".to_owned();
        leg.exchanges_mut().push(pause);
    }
    assert_eq!(paused.troubles(), none);
    let mut over = quiet(30.0, 30.0, 39.0);
    over.arrival(WAN).rtcp.goodbye = Some(at(WAN, 30.1, 301));
    assert_eq!(over.troubles(), none);
    let mut closed = quiet(30.0, 30.0, 39.0);
    closed.legs[0].closed = Some(crate::model::Close {
        by: crate::model::Side::Client,
        reset: false,
        at: at(LAN, 30.5, 302),
    });
    assert_eq!(closed.troubles(), none);
    for kind in [crate::LossKind::MapFull, crate::LossKind::FlowCap] {
        let mut uncounted = quiet(30.0, 30.0, 39.0);
        uncounted.losses = vec![(kind, 1)];
        assert_eq!(uncounted.troubles(), none);
    }
}
