//! Media that goes on after PAUSE or a seek, at whatever number the server takes.

use super::*;

/// Lost, duplicates and packets at the LAN and at the WAN tap.
type Counted = [(Option<u64>, Option<u64>, u64); 2];

fn counted(snapshot: &Snapshot) -> Counted {
    let medium = &only_session(snapshot).media[0];
    [0, 1].map(|leg| {
        let mut arrivals = medium.arrivals.iter();
        let arrival = arrivals.find(|arrival| arrival.leg == Some(leg));
        let rtp = &arrival.expect("an arrival at each leg").rtp;
        (rtp.lost, rtp.duplicates, rtp.packets)
    })
}

fn both(lost: u64, duplicates: u64, packets: u64) -> Counted {
    [(Some(lost), Some(duplicates), packets); 2]
}

impl Path {
    fn numbers(&mut self, transport: &str, numbers: impl IntoIterator<Item = u16>) {
        for number in numbers {
            let packet = rtp_packet(number, 0xabc);
            if transport == TCP {
                let frame = interleaved(0, &packet);
                for side in self.sides.iter_mut().rev() {
                    side.server_says(&mut self.wire, &frame);
                }
            } else {
                for (tap, host) in [(WAN, OUTSIDE), (LAN, INSIDE)] {
                    let to = format!("{host}:5000");
                    self.wire.udp(tap, "203.0.113.10:6970", &to, &packet);
                }
            }
            self.wire.wait_ms(20);
        }
    }

    fn play_from(&mut self, seq: Option<u16>) {
        let answer = answer(seq);
        self.exchange(&format!("PLAY {URL}|Session: 7"), "200 OK", &answer);
    }
}

fn answer(seq: Option<u16>) -> String {
    let told = seq.map(|seq| format!("|RTP-Info: url={URL}/track1;seq={seq};rtptime=0"));
    format!("|Session: 7{}", told.unwrap_or_default())
}

/// A hundred packets from number 100 on, and then PAUSE.
fn paused(transport: &str) -> Path {
    let mut path = Path::open();
    path.set_up(1, transport);
    path.play_from(Some(100));
    path.punch(5000, 5000);
    path.numbers(transport, 100..200);
    path.ask("PAUSE");
    path.wire.wait_ms(3_000);
    path
}

fn ways() -> [String; 2] {
    [udp(5000), TCP.to_owned()]
}

#[test]
fn a_number_that_was_told_begins_the_count_anew() {
    for transport in ways() {
        for begin in [1200, 100, 50, 60_000] {
            let mut path = paused(&transport);
            path.play_from(Some(begin));
            path.numbers(&transport, begin..begin + 100);
            let snapshot = path.seen();
            assert_eq!(counted(&snapshot), both(0, 0, 200), "{transport} {begin}");
            assert_eq!(snapshot.findings, [], "{transport} {begin}");
        }
    }
}

#[test]
fn what_is_lost_behind_a_number_that_was_told_is_lost() {
    let mut path = paused(&udp(5000));
    path.play_from(Some(100));
    path.numbers("", (103..200).filter(|number| number % 20 != 0));
    assert_eq!(counted(&path.seen()), both(7, 0, 193));
}

#[test]
fn media_that_goes_on_where_it_stopped_is_one_count() {
    let mut path = paused(&udp(5000));
    path.play_from(Some(200));
    path.numbers("", (200..300).filter(|number| number % 20 != 5));
    assert_eq!(counted(&path.seen()), both(5, 0, 195));
}

#[test]
fn media_may_come_before_the_answer_that_tells_its_number() {
    for begin in [1200, 100] {
        let mut path = paused(&udp(5000));
        let asked = message(&format!("PLAY {URL} RTSP/1.0|CSeq: 77|Session: 7"));
        for side in &mut path.sides {
            side.client_says(&mut path.wire, &asked);
        }
        path.numbers("", begin..begin + 5);
        let answer = message(&format!("RTSP/1.0 200 OK|CSeq: 77{}", answer(Some(begin))));
        for side in path.sides.iter_mut().rev() {
            side.server_says(&mut path.wire, &answer);
        }
        path.numbers("", begin + 5..begin + 100);
        assert_eq!(counted(&path.seen()), both(0, 0, 200), "{begin}");
    }
}

#[test]
fn a_seek_needs_no_pause() {
    for transport in ways() {
        let mut path = Path::open();
        path.set_up(1, &transport);
        path.play_from(Some(100));
        path.punch(5000, 5000);
        path.numbers(&transport, 100..200);
        let request = format!("PLAY {URL}|Session: 7|Range: npt=300-");
        path.exchange(&request, "200 OK", &answer(Some(900)));
        // What was on its way.
        path.numbers(&transport, 200..210);
        path.numbers(&transport, 900..1000);
        assert_eq!(counted(&path.seen()), both(0, 0, 210), "{transport}");
    }
}

#[test]
fn a_number_that_never_comes_hides_no_loss() {
    let mut path = paused(&udp(5000));
    path.play_from(Some(40_000));
    path.numbers("", (200..300).filter(|number| number % 20 != 5));
    assert_eq!(counted(&path.seen()), both(5, 0, 195));
}

#[test]
fn a_play_that_only_keeps_alive_hides_no_loss() {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.play_from(Some(100));
    path.punch(5000, 5000);
    path.numbers("", 100..200);
    path.play_from(Some(230));
    path.numbers("", 230..300);
    assert_eq!(counted(&path.seen()), both(30, 0, 170));
}

#[test]
fn where_no_number_is_told_only_a_whole_connection_proves_that_nothing_was_lost() {
    for (transport, lost) in [(udp(5000), 1000), (TCP.to_owned(), 0)] {
        let mut path = paused(&transport);
        path.play_from(None);
        path.numbers(&transport, 1200..1300);
        assert_eq!(counted(&path.seen()), both(lost, 0, 200), "{transport}");
    }
}
