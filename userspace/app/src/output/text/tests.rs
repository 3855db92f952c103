//! The report as people see it.

use std::sync::Arc;

use rtspscope_engine::model::{
    AlgAction, AlgEffect, AlgJudgement, Arrival, Exchange, MediaDirection, Message, Negotiated,
    Session, SessionState,
};
use rtspscope_engine::{Code, Severity, Snapshot};
use rtspscope_wire::TapId;

use super::{Style, report};
use crate::output::privacy::Privacy;
use crate::output::sample;

const PLAIN: Style = Style {
    width: 80,
    color: false,
    verbose: false,
};

#[test]
fn the_verdict_comes_first() {
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, &PLAIN));
}

#[test]
fn everything_is_shown_when_asked_for() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, &style));
}

#[test]
fn a_session_without_findings_gets_a_verdict_too() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let inside = snapshot.sessions[0].media[0].arrivals[1].clone();
    snapshot.sessions[0].media[0].arrivals[0] = Arrival {
        tap: TapId(0),
        leg: Some(0),
        ..inside
    };
    snapshot.sessions[0].alg.effect = AlgEffect::Helped;
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    let verdict = "✓ Media arrives: 257 RTP packets at LAN, 257 at WAN, 2 lost.";
    assert!(report.contains(verdict), "{report}");
}

#[test]
fn an_attempt_that_another_one_took_the_place_of_is_told_beside_it() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let session = &mut snapshot.sessions[0];
    let mut later = session.media[0].clone();
    session.media[0].superseded = true;
    later.negotiated = Negotiated {
        channels: Some((0, 1)),
        ..Negotiated::default()
    };
    later.arrivals[0].rtp = later.arrivals[1].rtp.clone();
    session.media.push(later);
    session.alg.effect = AlgEffect::Missing;
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    for line in [
        "✓ Media arrives: 257 RTP packets at LAN, 257 at WAN, 2 lost.",
        "  Earlier video H264/90000, to client port 9998-9999, from server port 5000-5001",
        "  Agreed  video H264/90000, channels 0 and 1 of the RTSP connection",
        "  earlier LAN lan.pcap        0 ",
        "  earlier WAN wan.pcap      257 ",
        "  video   LAN lan.pcap      257 ",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn none_is_said_to_be_lost_only_where_the_taps_saw_about_the_same() {
    let verdict = |inside: u64, twice: u64| {
        let mut snapshot = sample::snapshot();
        snapshot.findings.clear();
        let outside = &mut snapshot.sessions[0].media[0].arrivals[1];
        (outside.rtp.lost, outside.rtp.duplicates) = (Some(0), Some(0));
        let mut arrival = Arrival {
            tap: TapId(0),
            leg: Some(0),
            ..outside.clone()
        };
        arrival.rtp.packets = inside;
        arrival.rtp.duplicates = Some(twice);
        snapshot.sessions[0].media[0].arrivals[0] = arrival;
        snapshot.sessions[0].alg.effect = AlgEffect::Helped;
        let report = report(&snapshot, Privacy::Redact, &PLAIN);
        let line = report.lines().find(|line| line.starts_with('✓'));
        line.unwrap_or_default().to_owned()
    };
    let [same, fewer, twice] = [
        "✓ Media arrives: 248 RTP packets at LAN, 257 at WAN, none lost.",
        "✓ Media arrives: 247 RTP packets at LAN, 257 at WAN.",
        "✓ Media arrives: 514 RTP packets at LAN, 257 at WAN, none lost.",
    ];
    assert_eq!(
        [verdict(248, 0), verdict(247, 0), verdict(514, 257)],
        [same, fewer, twice]
    );
}

#[test]
fn a_tap_with_both_legs_tells_the_end_that_each_is_next_to() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let session = &mut snapshot.sessions[0];
    session.legs[1].tap = TapId(0);
    session.media[0].arrivals[1].tap = TapId(0);
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    for line in [
        "✗ broken here: RTP came to LAN on the server's side and never to LAN on the client's side",
        "LAN lan.pcap, client's side",
        "LAN lan.pcap, server's side",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&report).contains(line), "{line}\n{report}");
    }
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for width in [40, 52, 60, 64, 80, 100] {
        let report = report(
            &sample::snapshot(),
            Privacy::Redact,
            &Style { width, ..PLAIN },
        );
        let widest = report
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        assert!(widest <= width, "{widest} columns\n{report}");
    }
}

#[test]
fn long_names_of_captures_keep_their_ends() {
    let mut snapshot = sample::snapshot();
    snapshot.taps[0].name = "2026-11-22-router-in-the-cellar-second-try.lan.pcap".to_owned();
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    let row = report.lines().find(|line| line.contains('…')).unwrap();
    assert!(
        row.starts_with("          LAN 2026-11-22-…nd-try.lan.pcap "),
        "{row}"
    );
    assert!(row.chars().count() <= 80, "{row}");
}

#[test]
fn a_break_by_the_router_is_no_success() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let inside = snapshot.sessions[0].media[0].arrivals[1].clone();
    snapshot.sessions[0].media[0].arrivals[0] = Arrival {
        tap: TapId(0),
        leg: Some(0),
        ..inside
    };
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.contains("! Media arrives: 257 RTP packets at LAN, 257 at WAN, 2 lost; but"),
        "{report}"
    );
}

#[test]
fn a_session_that_never_played_tells_what_the_server_refused() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let session = &mut snapshot.sessions[0];
    session.state = SessionState::Failed;
    session.media.clear();
    let setup = session.legs[0].exchanges.last().unwrap().clone();
    let answer = setup.response.as_deref().unwrap().clone();
    session.legs[0].exchanges_mut().push(Exchange {
        method: "PLAY".to_owned(),
        response: Some(Arc::new(Message {
            status: Some(454),
            ..answer
        })),
        ..setup
    });
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    let verdict = "! Never played: PLAY was answered 454 (Session Not Found).";
    assert!(report.contains(verdict), "{report}");
}

/// The judgement of an ALG that changed messages, none of which shows a difference.
fn judged_without_rewrites(sequence_delta: i64) -> String {
    let mut snapshot = sample::snapshot();
    let nat = snapshot.sessions[0].nat.as_mut().unwrap();
    nat.rewrites.clear();
    nat.sequence_delta = Some(sequence_delta);
    report(&snapshot, Privacy::Redact, &PLAIN)
}

/// The report of a session whose DESCRIBE was answered with this Location, without line ends.
fn sent_to(location: &str) -> String {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let session = &mut snapshot.sessions[0];
    session.state = SessionState::Failed;
    session.alg = AlgJudgement {
        action: AlgAction::None,
        effect: AlgEffect::Harmless,
    };
    session.media.clear();
    let setup = session.legs[0].exchanges.last().unwrap().clone();
    let head = format!("RTSP/1.0 302 Moved\r\nLocation: {location}\r\n\r\n");
    let answer = Message {
        status: Some(302),
        raw: head.as_bytes().into(),
        head_len: head.len(),
        memo: rtspscope_engine::model::Memo::default(),
        ..setup.response.as_deref().unwrap().clone()
    };
    session.legs[0].exchanges_mut().push(Exchange {
        method: "DESCRIBE".to_owned(),
        response: Some(Arc::new(answer)),
        ..setup
    });
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    report.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_session_that_was_sent_elsewhere_tells_where_to() {
    let report = sent_to("rtsp://admin:secret@203.0.113.20/b");
    assert!(
        report.contains("! Never played: DESCRIBE was answered 302 (Moved Temporarily), and the player was sent to rtsp://"),
        "{report}"
    );
    assert!(
        report.contains("203.0.113.20/b: that is another connection."),
        "{report}"
    );
    assert!(!report.contains("secret"), "{report}");
}

#[test]
fn a_session_that_was_sent_to_the_same_server_is_told_as_that() {
    let report = sent_to("rtsp://203.0.113.10:554/b");
    assert!(
        report.contains("203.0.113.10:554/b: at the same server."),
        "{report}"
    );
    assert!(
        report.contains("it did not fail for want of one (none, harmless)"),
        "{report}"
    );
    let report = sent_to("rtsp://203.0.113.10:1554/b");
    assert!(report.contains("that is another connection."), "{report}");
}

#[test]
fn a_swallowed_message_is_not_called_rewritten() {
    let report = judged_without_rewrites(0);
    assert!(
        report.contains("ALG     a message entered the router and never left it; that broke"),
        "{report}"
    );
}

#[test]
fn a_change_of_length_is_told_where_no_message_shows_it() {
    let report = judged_without_rewrites(2);
    let told = "ALG     a message that the captures do not show whole changed its length";
    assert!(report.contains(told), "{report}");
}

/// The first line of a session of which the client's side alone was captured, with `arrived` RTP packets of its picture and as
/// many of its sound as `sound` says.
fn verdict_inside(arrived: u64, sound: u64, findings: &[Code]) -> String {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    snapshot.taps.truncate(1);
    let session = &mut snapshot.sessions[0];
    session.legs.truncate(1);
    session.nat = None;
    session.alg.effect = AlgEffect::Unknown;
    let mut picture = session.media[0].clone();
    picture.arrivals[0].rtp = picture.arrivals[1].rtp.clone();
    picture.arrivals.truncate(1);
    let mut voice = picture.clone();
    voice.kind = Some("audio".to_owned());
    picture.arrivals[0].rtp.packets = arrived;
    voice.arrivals[0].rtp.packets = sound;
    let sound_refused = findings.contains(&Code::RequestRefused);
    voice.set_up = !sound_refused;
    session.media = vec![picture, voice];
    let found = |code: &Code| {
        let mut finding = sample::finding();
        (finding.code, finding.severity) = (*code, Severity::Warning);
        finding.subject.media = Some(usize::from(sound_refused));
        finding
    };
    snapshot.findings = findings.iter().map(found).collect();
    let style = Style {
        width: 200,
        ..PLAIN
    };
    let told = report(&snapshot, Privacy::Redact, &style);
    told.lines().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_picture_without_sound_or_with_holes_is_no_good_one() {
    assert_eq!(
        verdict_inside(257, 257, &[]),
        "✓ Media arrives: 514 RTP packets at LAN, 4 lost."
    );
    assert_eq!(
        verdict_inside(257, 0, &[]),
        "! Media arrives in part, without audio: 257 RTP packets at LAN, 2 lost."
    );
    assert_eq!(
        verdict_inside(19, 0, &[]),
        "✓ Media arrives: 19 RTP packets at LAN, 2 lost.",
        "it has hardly begun"
    );
    assert_eq!(
        verdict_inside(257, 0, &[Code::RequestRefused]),
        "! Media arrives in part, without audio: 257 RTP packets at LAN, 2 lost."
    );
    assert_eq!(
        verdict_inside(257, 257, &[Code::RtpLoss]),
        "! Media arrives, but not whole: 514 RTP packets at LAN, 4 lost."
    );
    assert_eq!(
        verdict_inside(257, 257, &[Code::RtpStalled]),
        "! Media arrives, then stops: 514 RTP packets at LAN, 4 lost."
    );
    assert_eq!(
        verdict_inside(257, 257, &[Code::NatPortRandomised]),
        "! Media is seen: 514 RTP packets at LAN, 4 lost; whether it gets through the NAT before the player is not in this capture."
    );
    assert_eq!(
        verdict_inside(257, 257, &[Code::NatSourcePortChanged]),
        "✓ Media arrives: 514 RTP packets at LAN, 4 lost."
    );
    assert!(
        verdict_inside(0, 0, &[])
            .ends_with("whether the server sent any is seen only on its side of the router.")
    );
}

#[test]
fn media_outside_the_router_is_not_said_to_arrive() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    snapshot.taps.swap_remove(0);
    snapshot.taps[0].id = TapId(0);
    let session = &mut snapshot.sessions[0];
    session.legs.remove(0);
    session.legs[0].tap = TapId(0);
    session.nat = None;
    session.media[0].arrivals.remove(0);
    session.media[0].arrivals[0].tap = TapId(0);
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.contains(
            "! Media is seen: 257 RTP packets at WAN, 2 lost; whether it reaches the player"
        ),
        "{report}"
    );
}

#[test]
fn media_without_rtp_is_counted_in_datagrams() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let media = &mut snapshot.sessions[0].media[0];
    media.profile = Some("MP2T/H2221/UDP".to_owned());
    media.arrivals[0].rtp.packets = 257;
    media.arrivals[1].rtp.lost = None;
    snapshot.sessions[0].alg.effect = AlgEffect::Harmless;
    let told = report(&snapshot, Privacy::Redact, &PLAIN);
    let [verdict, head] = [
        "✓ Media arrives: 257 datagrams at LAN, 257 at WAN.",
        "  Arrived tap           packets",
    ];
    assert!(told.contains(verdict) && told.contains(head), "{told}");
    let narrow = Style { width: 40, ..PLAIN };
    let told = report(&snapshot, Privacy::Redact, &narrow);
    assert!(told.contains("      datagrams 257, lost –"), "{told}");
}

#[test]
fn what_the_client_sends_goes_out_and_breaks_on_its_way_out() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let media = &mut snapshot.sessions[0].media[0];
    media.direction = MediaDirection::FromClient;
    media.arrivals.swap(0, 1);
    (media.arrivals[0].tap, media.arrivals[1].tap) = (TapId(0), TapId(1));
    let told = report(&snapshot, Privacy::Redact, &PLAIN);
    for line in [
        "! The client's media was seen, but not at the server's side.",
        "video H264/90000 from the client (↑), from client port 9998-9999, to\n",
        "          ✗ broken here: RTP came to LAN and never to WAN",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn no_stranger_reaches_the_terminal() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    let report = report(&sample::snapshot(), Privacy::Show, &style);
    assert!(
        report
            .chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{report}"
    );
}

#[test]
fn colours_change_nothing_but_colours() {
    let colored = report(
        &sample::snapshot(),
        Privacy::Redact,
        &Style {
            color: true,
            ..PLAIN
        },
    );
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    assert_eq!(plain, report(&sample::snapshot(), Privacy::Redact, &PLAIN));
}

#[test]
fn a_capture_without_sessions_says_what_was_looked_at() {
    let snapshot = Snapshot {
        sessions: Vec::new(),
        findings: Vec::new(),
        ..sample::snapshot()
    };
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.starts_with("! No RTSP session in 600 frames of lan.pcap, wan.pcap.\n"),
        "{report}"
    );
}

#[test]
fn a_capture_without_frames_says_so() {
    let mut snapshot = Snapshot {
        sessions: Vec::new(),
        findings: Vec::new(),
        ..sample::snapshot()
    };
    let said = |snapshot: &Snapshot| {
        let report = report(snapshot, Privacy::Redact, &PLAIN);
        report.lines().next().unwrap_or_default().to_owned()
    };
    for tap in &mut snapshot.taps {
        tap.frames = 0;
    }
    let named = "! No RTSP session: there are no frames in lan.pcap, wan.pcap.";
    assert_eq!(said(&snapshot), named);
    snapshot.taps.clear();
    let unnamed = "! No RTSP session: no frames were captured.";
    assert_eq!(said(&snapshot), unnamed);
}

/// The snapshot with its session several times, the last of them unbroken.
fn several(count: usize) -> Snapshot {
    let mut snapshot = sample::snapshot();
    let (session, finding) = (snapshot.sessions[0].clone(), snapshot.findings[0].clone());
    let ids = 1..=u32::try_from(count).unwrap();
    let numbered = ids.clone().map(|id| Session {
        id,
        ..session.clone()
    });
    snapshot.sessions = numbered.collect();
    let broken = ids.take(count - 1).map(|id| {
        let mut finding = finding.clone();
        finding.subject.session = Some(id);
        finding
    });
    snapshot.findings = broken.collect();
    snapshot
}

#[test]
fn several_sessions_are_counted_and_listed_before_each_is_told() {
    let report = report(&several(3), Privacy::Redact, &PLAIN);
    let overview: Vec<&str> = report.lines().take(6).collect();
    assert_eq!(
        overview,
        [
            "3 sessions: ✗ 2 broken, ! 1 in doubt",
            "✗   1  192.168.1.100    rtsp://**********…203.0.113.10/test  [rtp-never-arrived]",
            "✗   2  192.168.1.100    rtsp://**********…203.0.113.10/test  [rtp-never-arrived]",
            "!   3  192.168.1.100    rtsp://************@203.0.113.10/test",
            "",
            "1. rtsp://************@203.0.113.10/test   192.168.1.100 → 203.0.113.10",
        ]
    );
}

#[test]
fn of_many_sessions_the_worst_are_told_and_the_others_counted() {
    let mut snapshot = several(100);
    // The only broken ones are the last.
    snapshot
        .findings
        .retain(|finding| finding.subject.session > Some(95));
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(report.starts_with("100 sessions: ✗ 4 broken, ! 96 in doubt\n"));
    assert!(report.contains("\n✗  96  "), "{report}");
    assert!(report.contains("\n96. rtsp://"), "{report}");
    assert!(report.contains("  and 50 more that are no worse are not listed (-v shows all)\n"));
    assert!(
        report
            .contains("  and 80 more that are no worse have no part of their own (-v shows all)\n")
    );
    let all = Style {
        verbose: true,
        ..PLAIN
    };
    let report = super::report(&snapshot, Privacy::Redact, &all);
    assert!(
        report.contains("\n50. rtsp://") && !report.contains("no worse"),
        "{report}"
    );
}

#[test]
fn the_place_where_media_is_lost_is_marked_between_the_taps() {
    let told = report(&sample::snapshot(), Privacy::Redact, &PLAIN);
    let lines: Vec<&str> = told.lines().map(str::trim).collect();
    let place = lines
        .iter()
        .position(|line| *line == "✗ broken here: RTP came to WAN and never to LAN")
        .unwrap();
    assert!(
        lines[place - 1].starts_with("LAN lan.pcap")
            && lines[place + 1].starts_with("WAN wan.pcap")
    );

    let mut snapshot = sample::snapshot();
    let mut inside = snapshot.sessions[0].media[0].arrivals[1].clone();
    inside.tap = TapId(0);
    inside.rtp.lost = inside.rtp.lost.map(|lost| lost + 7);
    snapshot.sessions[0].media[0].arrivals[0] = inside;
    let told = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        told.contains("\n          ! 7 lost between WAN and LAN\n"),
        "{told}"
    );
}
