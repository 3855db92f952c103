//! Facts about what is kept of netfilter's word, and to which session it belongs.

use rtspscope_wire::netfilter::Tuple;

use super::*;
use crate::testkit::{LAN, UDP_TALK, WAN, addr, leg};

fn tuple(protocol: u8, from: &str, to: &str) -> Tuple {
    Tuple {
        protocol,
        from: addr(from),
        to: addr(to),
    }
}

fn entry(protocol: u8, from: &str, to: &str, outside: &str) -> Entry {
    Entry {
        original: tuple(protocol, from, to),
        reply: tuple(protocol, to, outside),
        zone: 0,
        id: None,
        status: Some(Status::SRC_NAT),
        established: None,
        timeout_secs: Some(30),
        helper: None,
        master: None,
        sequence_offsets: None,
        stopped_at: None,
    }
}

fn connection() -> Entry {
    entry(
        Tuple::TCP,
        "192.168.1.100:40000",
        "203.0.113.10:554",
        "203.0.113.1:40000",
    )
}

fn say(netfilter: &mut Netfilter, secs: i64, change: Change, entry: &Entry) -> u64 {
    netfilter.note(&Conntrack {
        at: Timestamp(secs * 1_000_000_000),
        number: 7,
        raw: &[],
        event: &Event {
            change,
            subject: Subject::Entry(Box::new(entry.clone())),
        },
    })
}

fn legs() -> [crate::model::Leg; 2] {
    [
        leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", UDP_TALK),
        leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", UDP_TALK),
    ]
}

#[test]
fn an_entry_pairs_the_legs_of_its_two_tuples() {
    let mut netfilter = Netfilter::new(&Limits::default());
    assert_eq!(netfilter.pairs(&legs()), []);
    say(&mut netfilter, 0, Change::New, &connection());
    assert_eq!(netfilter.pairs(&legs()), [(0, 1)]);
}

#[test]
fn an_entry_that_ended_long_before_pairs_nothing() {
    let mut netfilter = Netfilter::new(&Limits::default());
    say(&mut netfilter, -900, Change::New, &connection());
    say(&mut netfilter, -600, Change::Destroyed, &connection());
    assert_eq!(netfilter.pairs(&legs()), []);
}

#[test]
fn an_entry_of_another_outside_port_pairs_nothing() {
    let mut netfilter = Netfilter::new(&Limits::default());
    let other = entry(
        Tuple::TCP,
        "192.168.1.100:40000",
        "203.0.113.10:554",
        "203.0.113.1:61000",
    );
    say(&mut netfilter, 0, Change::New, &other);
    assert_eq!(netfilter.pairs(&legs()), []);
}

#[test]
fn what_later_messages_leave_out_stays() {
    let mut netfilter = Netfilter::new(&Limits::default());
    let helped = Entry {
        helper: Some("rtsp".to_owned()),
        ..connection()
    };
    say(&mut netfilter, 0, Change::New, &helped);
    let assured = Entry {
        status: Some(Status::ASSURED),
        timeout_secs: Some(432_000),
        ..connection()
    };
    say(&mut netfilter, 1, Change::Updated, &assured);
    let bare = Entry {
        status: None,
        timeout_secs: None,
        ..connection()
    };
    say(&mut netfilter, 2, Change::Destroyed, &bare);
    let (_, kept) = netfilter
        .entries
        .at((Tuple::TCP, addr("192.168.1.100:40000")))
        .next()
        .unwrap();
    assert_eq!(kept.helper.as_deref(), Some("rtsp"));
    assert_eq!(kept.status.to_string(), "assured, src-nat");
    assert_eq!(kept.timeout_secs, Some(432_000));
    assert_eq!(
        kept.ended.map(|ended| ended.at),
        Some(Timestamp(2_000_000_000))
    );
}

#[test]
fn a_flood_of_connections_falls_to_the_cap_and_is_counted() {
    let limits = Limits {
        tracked_connections: 3,
        ..Limits::default()
    };
    let mut netfilter = Netfilter::new(&limits);
    let numbered = |port: u16| {
        let ends = [
            format!("192.168.1.100:{port}"),
            format!("203.0.113.1:{port}"),
        ];
        entry(Tuple::UDP, &ends[0], "203.0.113.10:6970", &ends[1])
    };
    say(&mut netfilter, 0, Change::New, &numbered(1));
    say(&mut netfilter, 0, Change::New, &numbered(2));
    say(&mut netfilter, 0, Change::Destroyed, &numbered(2));
    say(&mut netfilter, 0, Change::New, &numbered(3));
    assert_eq!(say(&mut netfilter, 0, Change::New, &numbered(4)), 1);
    let known = |port: u16| {
        let end = addr(&format!("192.168.1.100:{port}"));
        netfilter.entries.at((Tuple::UDP, end)).count()
    };
    assert_eq!(
        [1, 2, 3, 4].map(known),
        [1, 0, 1, 1],
        "the ended one fell first"
    );
}

#[test]
fn what_is_over_and_of_no_kept_session_is_forgotten() {
    let mut netfilter = Netfilter::new(&Limits::default());
    let named = |end: SocketAddr| end == addr("192.168.1.100:40000");
    let other = entry(
        Tuple::UDP,
        "192.168.1.7:53124",
        "203.0.113.53:53",
        "203.0.113.1:53124",
    );
    for entry in [&connection(), &other] {
        say(&mut netfilter, 0, Change::New, entry);
    }
    let at = |secs: i64| Timestamp(secs * 1_000_000_000);
    let kept = |netfilter: &Netfilter| {
        let at = |end: &str, protocol| netfilter.entries.at((protocol, addr(end))).count();
        [
            at("192.168.1.100:40000", Tuple::TCP),
            at("192.168.1.7:53124", Tuple::UDP),
        ]
    };
    netfilter.forget(at(100), at(0), named);
    assert_eq!(kept(&netfilter), [1, 1], "both live");
    for entry in [&connection(), &other] {
        say(&mut netfilter, 90, Change::Destroyed, entry);
    }
    netfilter.forget(at(80), at(0), named);
    assert_eq!(kept(&netfilter), [1, 1], "both ended just now");
    netfilter.forget(at(100), at(0), named);
    assert_eq!(kept(&netfilter), [1, 0], "one is of a session that is kept");
    netfilter.forget(at(100), at(95), named);
    assert_eq!(
        kept(&netfilter),
        [0, 0],
        "it ended before that session began"
    );
}
