//! Captures of a machine whose clock was set back meanwhile.

use rtspscope_wire::TapRole;

use super::build::LITTLE;
use super::read;

fn capture(seconds: &[u32]) -> Vec<u8> {
    let records = seconds
        .iter()
        .map(|at| LITTLE.record(*at, 0, &[*at as u8; 60]));
    let records: Vec<Vec<u8>> = records.collect();
    [LITTLE.pcap(0xa1b2_c3d4, 1), records.concat()].concat()
}

#[test]
fn two_taps_stay_in_step_where_the_clock_of_one_is_set_back() {
    let one = capture(&[100, 102, 74, 76]);
    let other = capture(&[101, 103, 105]);
    let seen = read(&[(&one, TapRole::Lan), (&other, TapRole::Wan)]).unwrap();
    let places: Vec<&str> = seen
        .inputs
        .iter()
        .map(|input| input.split("000000000 ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "0#1@100", "1#1@101", "0#2@102", "0#3@102", "1#2@103", "0#4@104", "1#3@105"
        ]
    );
    assert_eq!(seen.notes.len(), 1, "{:?}", seen.notes);
    assert!(
        seen.notes[0].starts_with("frame 3 is 28.0 s before the one before it:"),
        "{:?}",
        seen.notes
    );
}
