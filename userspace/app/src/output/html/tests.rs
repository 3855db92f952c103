//! The document as browsers and readers get it.

use rtspscope_engine::model::Session;
use rtspscope_engine::{Snapshot, model};

use super::{limits, report};
use crate::output::privacy::Privacy;
use crate::output::sample;

const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{200b}\u{1b}[2J";

/// The sample with hostile text wherever a stranger can put some.
fn hostile() -> Snapshot {
    let mut snapshot = sample::snapshot();
    for tap in &mut snapshot.taps {
        tap.name = format!("{HOSTILE}{}", tap.name);
    }
    let session = &mut snapshot.sessions[0];
    session.url = Some(HOSTILE.to_owned());
    session.user_agent = Some(HOSTILE.to_owned());
    session.server_name = Some(HOSTILE.to_owned());
    let media = &mut session.media[0];
    media.encoding = Some(HOSTILE.to_owned());
    media.kind = Some(HOSTILE.to_owned());
    media.negotiated.destination = Some(HOSTILE.to_owned());
    for rewrite in &mut session.nat.as_mut().unwrap().rewrites {
        rewrite.field = HOSTILE.to_owned();
        rewrite.pre = Some(HOSTILE.to_owned());
        rewrite.method = HOSTILE.to_owned();
    }
    for leg in &mut session.legs {
        for exchange in leg.exchanges_mut() {
            for message in [&mut exchange.request, &mut exchange.response] {
                if let Some(known) = message {
                    let raw = [&known.raw[..known.head_len.min(4)], HOSTILE.as_bytes()].concat();
                    *message = Some(std::sync::Arc::new(model::Message {
                        raw: raw.into(),
                        memo: model::Memo::default(),
                        ..(**known).clone()
                    }));
                }
            }
        }
    }
    for finding in &mut snapshot.findings {
        finding.summary = HOSTILE.to_owned();
        finding.cause = HOSTILE.to_owned();
        finding.evidence[0].note = HOSTILE.to_owned();
    }
    snapshot
}

/// The sample's session this many times.
fn many(count: u32) -> Snapshot {
    let mut snapshot = sample::snapshot();
    let session = snapshot.sessions[0].clone();
    snapshot.sessions = (1..=count)
        .map(|id| Session {
            id,
            ..session.clone()
        })
        .collect();
    snapshot
}

/// Names of the elements of a document, in order.
fn elements(html: &str) -> Vec<&str> {
    let tags = html.split('<').skip(1);
    let names = tags.filter_map(|tag| tag.split([' ', '>', '\n']).next());
    names.filter(|name| !name.starts_with(['/', '!'])).collect()
}

#[test]
fn hostile_text_brings_no_element_and_no_attribute() {
    for privacy in [Privacy::Redact, Privacy::Show] {
        let html = report(&hostile(), privacy);
        assert!(html.contains("&lt;script&gt;alert(1)"), "it is shown");
        let elements = elements(&html);
        assert!(!elements.contains(&"script") && !elements.contains(&"img"));
        assert!(!html.contains("<script") && !html.contains("onerror=alert(1)>"));
        let strange = |character: &char| {
            character.is_control() && *character != '\n' || "\u{202e}\u{200b}".contains(*character)
        };
        assert_eq!(html.chars().find(strange), None);
    }
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = report(&sample::snapshot(), Privacy::Redact);
    for forbidden in [
        " src=", "url(", "@import", "<link", "<iframe", "<script", " onload=",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let links = html.split(" href=\"").skip(1);
    assert!(links.clone().count() > 5);
    for link in links {
        assert!(link.starts_with('#'), "{link:.40}");
    }
    assert!(html.contains(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src"
    ));
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for snapshot in [sample::snapshot(), many(3)] {
        let html = report(&snapshot, Privacy::Redact);
        let depths: Vec<u32> = elements(&html)
            .iter()
            .filter_map(|name| name.strip_prefix('h')?.parse().ok())
            .collect();
        assert_eq!(depths[0], 1);
        assert_eq!(depths.iter().filter(|depth| **depth == 1).count(), 1);
        assert!(
            depths.windows(2).all(|pair| pair[1] <= pair[0] + 1),
            "{depths:?}"
        );
    }
}

#[test]
fn links_lead_to_places_that_exist_once() {
    let html = report(&many(3), Privacy::Redact);
    let values = |attribute: &str| -> Vec<String> {
        html.split(attribute)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect()
    };
    let ids = values(" id=\"");
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{id} twice");
    }
    for target in values(" href=\"#") {
        assert!(ids.contains(&target), "{target}");
    }
}

#[test]
fn the_picture_shows_where_the_way_ends_and_what_differs() {
    let html = report(&sample::snapshot(), Privacy::Redact);
    for shown in [
        "✗ broken here: RTP came to WAN and never to LAN",
        "✗ broken here →",
        ">lost here</text>",
        "<del>9998</del>-<del>9999</del>",
        "<ins>10000</ins>-<ins>10001</ins>",
        "role=\"img\"",
        "<html lang=\"en\">",
    ] {
        assert!(html.contains(shown), "{shown} is lacking");
    }
    assert!(!html.contains("geheim"));
    assert!(report(&sample::snapshot(), Privacy::Show).contains("geheim"));
}

#[test]
fn thousands_of_sessions_make_a_file_of_bounded_size_and_it_says_so() {
    let html = report(&many(5_000), Privacy::Redact);
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    assert_eq!(
        html.matches("<section id=\"s").count(),
        limits::SESSIONS,
        "parts"
    );
    assert!(html.contains("4500 more sessions are not drawn here; --format json has all."));
}

#[test]
fn a_capture_without_sessions_says_how_to_capture() {
    let snapshot = Snapshot {
        sessions: Vec::new(),
        findings: Vec::new(),
        ..sample::snapshot()
    };
    let html = report(&snapshot, Privacy::Redact);
    assert!(html.contains("No RTSP session in 600 frames"));
    assert!(html.contains("Capture while the player starts"));
}

#[test]
fn a_clock_is_shown_with_its_drift() {
    let mut snapshot = sample::snapshot();
    snapshot.taps[1].clock_drift_ppm = Some(12.34);
    let page = report(&snapshot, Privacy::Redact);
    assert!(page.contains(">-1.500 ms, gaining +12.3 ppm<"), "{page}");
}
