use super::*;

fn read(text: &str) -> RangeHeader<'_> {
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    assert_eq!(parsed.anomalies, [], "{text}");
    parsed.value
}

fn ends(text: &str) -> (Option<Instant>, Option<Instant>) {
    let range = read(text);
    (range.from, range.to)
}

fn oddities(text: &str) -> Vec<String> {
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    parsed.anomalies.into_iter().map(|odd| odd.what).collect()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an end of a range is there or not"
)]
const fn millis(millis: i64) -> Option<Instant> {
    Some(Instant::Offset(Span(millis * 1_000_000)))
}

#[test]
fn normal_play_time_has_seconds_or_a_clock_face() {
    assert_eq!(ends("npt=0-"), (millis(0), None));
    assert_eq!(ends("npt=0.000-"), (millis(0), None));
    assert_eq!(ends("npt=10.25-12"), (millis(10_250), millis(12_000)));
    assert_eq!(
        ends("npt=0:10:20-0:30:00.5"),
        (millis(620_000), millis(1_800_500))
    );
    assert_eq!(ends("npt=-20"), (None, millis(20_000)));
    assert_eq!(ends("npt=now-"), (Some(Instant::Now), None));
    assert_eq!(ends(" NPT = 1 - 2 "), (millis(1_000), millis(2_000)));
}

#[test]
fn clock_time_is_utc() {
    let range = read("clock=19961108T142300Z-19961108T143520.25Z");
    assert_eq!(range.unit, Unit::Clock);
    assert_eq!(
        range.from,
        Some(Instant::At(Timestamp(847_462_980_000_000_000)))
    );
    assert_eq!(range.duration(), Some(Span(740_250_000_000)));
    assert_eq!(
        ends("clock=20240229T000000Z-").0,
        Some(Instant::At(Timestamp(1_709_164_800_000_000_000)))
    );
    assert_eq!(
        ends("clock=19700101T000000Z-").0,
        Some(Instant::At(Timestamp(0)))
    );
}

#[test]
fn time_codes_count_frames() {
    assert_eq!(
        ends("smpte=10:12:33:20-"),
        (Some(Instant::Offset(Span(36_753_666_666_666))), None)
    );
    assert_eq!(
        ends("smpte-25=10:07:00-10:07:33:05.01"),
        (millis(36_420_000), millis(36_453_200))
    );
    assert_eq!(
        read("smpte-30-drop=0:0:1-0:0:2").duration(),
        Some(Span(1_000_000_000))
    );
}

#[test]
fn the_time_to_begin_stands_behind() {
    let range = read("npt=0-;x=1;time=19970123T143720Z");
    assert_eq!(range.time.unwrap().text(), "19970123T143720Z");
}

#[test]
fn only_two_known_ends_make_a_duration() {
    assert_eq!(read("npt=5-12.5").duration(), Some(Span(7_500_000_000)));
    assert_eq!(
        read("npt=12.5-5").duration(),
        Some(Span(7_500_000_000)),
        "played backwards"
    );
    assert_eq!(read("npt=5-").duration(), None);
    assert_eq!(read("npt=now-9").duration(), None);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    assert_eq!(
        oddities("frames=1-2"),
        ["a range in a unit that is not known"]
    );
    assert_eq!(oddities("0-"), ["a range in a unit that is not known"]);
    assert_eq!(oddities("npt=-"), ["a range without an end"]);
    assert_eq!(oddities("npt=5"), ["a range without a hyphen"]);
    assert_eq!(
        oddities("npt=1:2:3:4-x"),
        ["a time that cannot be read", "a time that cannot be read"]
    );
    assert_eq!(
        oddities("clock=19961308T142300Z-"),
        ["a time that cannot be read"]
    );
    let text = "npt=0-1e9";
    let parsed = parse(Spanned::new(text.as_bytes(), 100));
    assert_eq!(parsed.anomalies[0].at, 106..109);
    assert_eq!(parsed.value.from, millis(0));
}

#[test]
fn numbers_without_end_are_no_times() {
    let text = format!("npt={}-{}:0", "9".repeat(40), i64::MAX);
    assert_eq!(oddities(&text).len(), 2);
}

#[test]
fn a_pace_is_a_decimal_number() {
    let pace = |text: &str| pace(&Spanned::new(text.as_bytes(), 0));
    assert_eq!(pace("1"), Some(1.0));
    assert_eq!(pace(" -2.5 "), Some(-2.5));
    assert_eq!(pace("1.0-2.5"), Some(1.0));
    assert_eq!(pace("fast"), None);
    assert_eq!(pace("1e3"), None);
    assert_eq!(pace(""), None);
}
