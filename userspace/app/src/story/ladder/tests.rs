use rtspscope_engine::Locator;
use rtspscope_engine::model::Side;
use rtspscope_wire::{TapId, Timestamp};

use super::*;
use crate::output::sample;

fn ladder() -> Ladder {
    let snapshot = sample::snapshot();
    of(&snapshot, &snapshot.sessions[0], Privacy::Redact)
}

fn passed(frame: u64) -> Seen {
    Seen::Passed {
        at: Locator {
            tap: TapId(0),
            frame: Some(frame),
            at: Timestamp(0),
            stream_offset: None,
        },
        packets: None,
    }
}

fn row(from: Side, seen: &[Seen]) -> Row {
    Row {
        at: Timestamp(0),
        since_start: Span(0),
        from: Some(from),
        what: What::Open { encrypted: false },
        label: String::new(),
        seen: seen.to_vec(),
        findings: Vec::new(),
    }
}

#[test]
fn the_lanes_go_from_the_client_to_the_server() {
    let titles: Vec<String> = ladder().lanes.into_iter().map(|lane| lane.title).collect();
    assert_eq!(titles, ["client", "LAN", "WAN", "server"]);
}

#[test]
fn rows_come_in_order_of_time_and_carry_what_they_prove() {
    let rows = ladder().rows;
    assert!(rows.is_sorted_by_key(|row| row.at));
    let setup = rows.iter().find(|row| row.label.starts_with("SETUP"));
    let setup = setup.unwrap();
    assert_eq!(setup.findings, [0]);
    assert_eq!(setup.label, "SETUP rtsp://************@203.0.113.10/test");
    let What::Message(said) = &setup.what else {
        panic!("{:?}", setup.what);
    };
    assert_eq!(
        (said.changes.as_slice(), said.is_broken, said.repeats),
        (&[][..], false, 1)
    );
}

#[test]
fn media_that_reach_the_wan_only_are_lost_between_the_taps() {
    let rows = ladder().rows;
    let media = rows
        .iter()
        .find(|row| matches!(row.what, What::Media { .. }));
    let media = media.unwrap();
    assert_eq!(media.findings, [0]);
    assert_eq!(
        media.segments(),
        [Segment::Empty, Segment::Lost, Segment::Passed]
    );
    assert_eq!(media.lost_at(), Some(1));
}

#[test]
fn a_request_that_never_leaves_the_router_is_lost_in_it() {
    let row = row(Side::Client, &[passed(1), Seen::Not]);
    assert_eq!(
        row.segments(),
        [Segment::Passed, Segment::Lost, Segment::Empty]
    );
}

#[test]
fn an_answer_that_the_router_made_begins_at_the_router() {
    let row = row(Side::Server, &[passed(1), Seen::Not]);
    assert_eq!(
        row.segments(),
        [Segment::Passed, Segment::Passed, Segment::Empty]
    );
}

#[test]
fn a_tap_that_cannot_tell_breaks_no_arrow() {
    let request = row(Side::Client, &[passed(1), Seen::Unknown]);
    assert_eq!(request.segments(), [Segment::Passed; 3]);
    let answer = row(Side::Server, &[passed(1), Seen::Unknown]);
    assert_eq!(answer.segments(), [Segment::Passed; 3]);
}

#[test]
fn a_proof_is_found_by_its_frame_else_by_its_medium() {
    let ladder = ladder();
    let place = |tap: u16, frame: Option<u64>| Locator {
        tap: TapId(tap),
        frame,
        at: Timestamp(i64::MAX),
        stream_offset: None,
    };
    let setup = ladder.row_of(place(0, Some(12)), Some(0)).unwrap();
    assert!(ladder.rows[setup].label.starts_with("SETUP"));
    let media = ladder.row_of(place(0, None), Some(0)).unwrap();
    assert!(matches!(ladder.rows[media].what, What::Media { media: 0 }));
}

/// The ladder's ends of a session whose client's and server's side were closed by these.
fn ends(closed: [Option<Side>; 2]) -> Vec<Row> {
    let mut snapshot = sample::snapshot();
    snapshot.losses.clear();
    for (leg, by) in snapshot.sessions[0].legs.iter_mut().zip(closed) {
        leg.missing_bytes = 0;
        leg.closed = by.map(|by| rtspscope_engine::model::Close {
            by,
            reset: true,
            at: leg.last,
        });
    }
    let ladder = of(&snapshot, &snapshot.sessions[0], Privacy::Redact);
    let is_end = |row: &Row| matches!(row.what, What::Close { .. });
    ladder.rows.into_iter().filter(is_end).collect()
}

#[test]
fn a_reset_that_its_own_side_has_not_begins_on_the_way() {
    let rows = ends([None, Some(Side::Client)]);
    assert_eq!(
        rows[0].label,
        "the connection is reset in its name, by something on the way"
    );
    assert_eq!(
        rows[0].segments(),
        [Segment::Empty, Segment::Passed, Segment::Passed]
    );
    let rows = ends([Some(Side::Client); 2]);
    assert_eq!(rows[0].label, "resets the connection");
    assert_eq!(rows[0].segments(), [Segment::Passed; 3]);
}

#[test]
fn each_side_has_its_own_end_where_something_between_made_both() {
    let rows = ends([Some(Side::Server), Some(Side::Client)]);
    let from: Vec<Option<Side>> = rows.iter().map(|row| row.from).collect();
    assert_eq!(from, [Some(Side::Server), Some(Side::Client)]);
}
