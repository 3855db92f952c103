//! A stranger's bytes cannot drive the terminal, and no size or number of sessions breaks a drawing.

use ratatui::buffer::Cell;
use rtspscope_wire::text::escape_controls;

use super::super::state::{View, Zoom};
use super::super::theme::Theme;
use super::{Stage, golden};
use crate::output::sample;

/// Escape sequences of both control sets, writing direction, characters without width, line ends, bytes that are no UTF-8.
const HOSTILE: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{2066}\u{200b}\u{feff}\u{ad}\r\n\u{7f}";

fn hostile() -> Stage {
    let mut snapshot = sample::snapshot();
    let session = &mut snapshot.sessions[0];
    session.url = Some(format!("rtsp://admin:geheim@203.0.113.10/{HOSTILE}"));
    session.user_agent = Some(HOSTILE.to_owned());
    session.server_name = Some(HOSTILE.to_owned());
    for leg in &mut session.legs {
        for exchange in leg.exchanges_mut() {
            exchange.method = format!("SET{HOSTILE}UP");
            let mut request = (**exchange.request.as_ref().unwrap()).clone();
            let mut raw = format!("SETUP rtsp://admin:geheim@203.0.113.10/{HOSTILE} RTSP/1.0\r\nX-{HOSTILE}: {HOSTILE}\r\n").into_bytes();
            raw.extend(b"Y: \xff\xfe\x1b[31m\r\n\r\n");
            request.raw = raw.into();
            exchange.request = Some(request.into());
        }
    }
    for media in &mut session.media {
        media.kind = Some(HOSTILE.to_owned());
        media.encoding = Some(HOSTILE.to_owned());
    }
    let nat = session.nat.as_mut().unwrap();
    for diff in &mut nat.rewrites {
        diff.field = format!("X{HOSTILE}");
        diff.pre = Some(HOSTILE.to_owned());
        diff.post = Some(format!("{HOSTILE}{HOSTILE}"));
        diff.method = HOSTILE.to_owned();
    }
    snapshot.findings[0].summary = HOSTILE.to_owned();
    snapshot.findings[0].cause = HOSTILE.to_owned();
    snapshot.findings[0].evidence[0].note = HOSTILE.to_owned();
    snapshot.taps[0].name = HOSTILE.to_owned();
    snapshot.taps[0].source = HOSTILE.to_owned();
    let mut second = snapshot.sessions[0].clone();
    second.id = 2;
    snapshot.sessions.push(second);
    let mut stage = Stage::new(snapshot).sized(160, 50);
    stage.press("Space Space");
    stage
}

/// All views at all zooms.
fn views() -> impl Iterator<Item = (View, Zoom)> {
    let zooms = [Zoom::All, Zoom::Messages, Zoom::Media];
    View::ALL
        .into_iter()
        .flat_map(move |view| zooms.map(|zoom| (view, zoom)))
}

#[test]
fn no_view_lets_a_strangers_byte_through() {
    let mut stage = hostile();
    for (view, zoom) in views() {
        (stage.state.view, stage.state.zoom) = (view, zoom);
        let buffer = stage.buffer();
        let symbols: String = buffer.content.iter().map(Cell::symbol).collect();
        assert_eq!(escape_controls(&symbols), symbols, "{view:?}");
        assert!(!symbols.contains("geheim"), "{view:?} shows a password");
    }
    stage.state.view = View::Message;
    let screen = stage.screen();
    for shown in ["\\u{1b}", "\\u{202e}", "\\u{200b}", "\\xff\\xfe"] {
        assert!(screen.contains(shown), "{shown}\n{screen}");
    }
}

#[test]
fn what_is_copied_and_filtered_is_as_safe() {
    let mut stage = hostile();
    for view in View::ALL {
        stage.state.view = view;
        let copied = super::super::views::copied(&stage.state, &stage.scene);
        let line_ends_apart = copied.replace('\n', "");
        assert_eq!(
            escape_controls(&line_ends_apart),
            line_ends_apart,
            "{view:?}"
        );
        assert!(!copied.contains("geheim"), "{view:?}");
    }
}

#[test]
fn a_plain_terminal_gets_plain_ascii_from_every_view() {
    for mut stage in [hostile(), Stage::of("K-alg-owrt-conflict")] {
        stage.theme = Theme {
            color: false,
            unicode: false,
        };
        for (view, zoom) in views() {
            (stage.state.view, stage.state.zoom) = (view, zoom);
            let screen = stage.screen();
            assert!(screen.is_ascii(), "{view:?}: {screen}");
        }
    }
}

#[test]
fn every_view_can_be_drawn_at_any_size() {
    let mut stages = [
        hostile(),
        Stage::of("A-gst-gst-udp-nopunch"),
        Stage::new(rtspscope_engine::Snapshot::default()),
    ];
    let sizes = [
        (1, 1),
        (2, 3),
        (7, 4),
        (20, 5),
        (39, 11),
        (40, 12),
        (60, 9),
        (131, 20),
        (300, 90),
    ];
    for stage in &mut stages {
        for size in sizes {
            for (view, zoom) in views() {
                (stage.state.view, stage.state.zoom) = (view, zoom);
                stage.size = size;
                stage.state.scroll = 3;
                stage.buffer();
            }
        }
    }
}

#[test]
fn of_ten_thousand_sessions_only_those_on_the_page_are_drawn() {
    let mut snapshot = golden("A-gst-gst-udp-nopunch");
    let one = snapshot.sessions.remove(0);
    snapshot.sessions = (1..=10_000)
        .map(|id| {
            let mut session = one.clone();
            session.id = id;
            session.started_at.0 += i64::from(id);
            session
        })
        .collect();
    let mut stage = Stage::new(snapshot).sized(80, 24);
    stage.press("G");
    assert_eq!(
        (stage.state.session, stage.drawn.len),
        (Some(10_000), 10_000)
    );
    assert!(stage.drawn.rows.len() < 24);
    stage.press("PgUp /");
    stage.write("ip:10.");
    assert_eq!(stage.drawn.len, 0);
}
