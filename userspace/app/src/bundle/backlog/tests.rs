//! Facts about what a live run keeps.

use rtspscope_engine::{CaptureLoss, LossKind};
use rtspscope_wire::{Direction, LinkType, Timestamp};

use super::*;

fn scratch(name: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("rtspscope-backlog-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

fn tap(name: &str) -> TapInfo {
    TapInfo {
        name: name.to_owned(),
        role: TapRole::Lan,
        source: name.to_owned(),
        link_type: None,
        unfiltered: true,
    }
}

/// A frame of 1,000 bytes whose last two say its number; even ones are of the first tap.
fn bytes(number: u16) -> Vec<u8> {
    let mut bytes = vec![0; 998];
    bytes.extend(number.to_be_bytes());
    bytes
}

fn hand_over(backlog: &mut Backlog, numbers: std::ops::RangeInclusive<u16>) {
    for number in numbers {
        let bytes = bytes(number);
        let frame = FrameRef {
            at: Timestamp(i64::from(number) * 1_000_000),
            tap: TapId(number % 2),
            direction: Direction::Unknown,
            link_type: LinkType::ETHERNET,
            number: u64::from(number),
            original_len: 1_000,
            bytes: &bytes,
        };
        backlog.handle_input(&Input::Frame(frame)).unwrap();
        let loss = Input::CaptureLoss(CaptureLoss {
            tap: None,
            kind: LossKind::RingFull,
            count: 1,
        });
        backlog.handle_input(&loss).unwrap();
    }
}

fn read(backlog: Backlog) -> (Vec<(u16, u64, u16)>, Reach) {
    let mut read = Vec::new();
    let reach = backlog
        .read(|input| {
            let Input::Frame(frame) = input else { return };
            let said = frame.bytes.last_chunk().copied().map(u16::from_be_bytes);
            read.push((frame.tap.0, frame.number, said.unwrap()));
        })
        .unwrap();
    (read, reach)
}

#[test]
fn what_came_is_read_again_with_its_numbers_and_nothing_lies_in_the_directory() {
    let place = scratch("again");
    let mut backlog = Backlog::begin(&place).unwrap();
    for name in ["lan0", "wan0"] {
        backlog.open_tap(&tap(name));
    }
    hand_over(&mut backlog, 1..=3);
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    let expected = vec![(1, 1, 1), (0, 2, 2), (1, 3, 3)];
    assert_eq!(read(backlog), (expected, Reach::default()));
    fs::remove_dir(&place).unwrap();
}

#[test]
fn the_oldest_gives_way_and_the_rest_keeps_its_numbers() {
    let place = scratch("oldest");
    let mut backlog = Backlog::with_room(&place, 400_000).unwrap();
    for name in ["lan0", "wan0"] {
        backlog.open_tap(&tap(name));
    }
    hand_over(&mut backlog, 1..=1_000);
    let (read, reach) = read(backlog);
    assert!((400..900).contains(&reach.let_go), "{reach:?}");
    assert_eq!(reach.missed, 0);
    let expected: Vec<_> = (1..=1_000_u16)
        .map(|number| (number % 2, u64::from(number), number))
        .filter(|(_, number, _)| *number > reach.let_go)
        .collect();
    assert_eq!(read, expected);
    fs::remove_dir(&place).unwrap();
}

#[test]
fn a_part_that_cannot_be_made_is_told_once_and_what_was_kept_is_read() {
    let place = scratch("gone");
    let mut backlog = Backlog::with_room(&place, 400_000).unwrap();
    backlog.open_tap(&tap("lan0"));
    // Nothing can be made in it from here on.
    fs::remove_dir(&place).unwrap();
    let bytes = bytes(0);
    let frame = |number: u64| {
        Input::Frame(FrameRef {
            at: Timestamp(0),
            tap: TapId(0),
            direction: Direction::Unknown,
            link_type: LinkType::ETHERNET,
            number,
            original_len: 1_000,
            bytes: &bytes,
        })
    };
    let told: Vec<String> = (1..=400)
        .filter_map(|number| backlog.handle_input(&frame(number)).err())
        .map(|failure| failure.to_string())
        .collect();
    let line = format!(
        "{}: cannot write: no such file or directory: create its directory first",
        place.join(".live").display()
    );
    assert_eq!(told, [line]);
    let (read, reach) = read(backlog);
    let kept = read.len() as u64;
    assert_eq!((reach.let_go, kept + reach.missed), (0, 400));
    assert!((150..300).contains(&kept), "{kept}");
}
