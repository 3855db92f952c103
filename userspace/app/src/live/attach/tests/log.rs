//! The kernel programs say what they cannot do only if they are asked to, and seldom. Root only.

use super::super::super::kernel_log::KernelLog;
use super::packets::{text, unreadable};
use super::{Loaded, MIRROR_PROGRAM, may_load};

/// Runs two programs on the packets and returns what they said.
fn said(kernel_log: bool, packets: &[Vec<u8>]) -> Vec<String> {
    let mut loaded = Loaded::with_log(kernel_log);
    let mut log = KernelLog::new(&mut loaded.ebpf).unwrap();
    for program in ["rtsp_ether_in", MIRROR_PROGRAM] {
        for packet in packets {
            loaded.run(program, packet, 1);
        }
    }
    log.new_lines().collect()
}

fn conversation() -> Vec<Vec<u8>> {
    vec![
        text("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
        text("RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"),
    ]
}

#[test]
fn programs_say_nothing_unless_asked() {
    if !may_load("programs_say_nothing_unless_asked") {
        return;
    }
    let packets = [conversation(), vec![unreadable(); 4]].concat();
    assert_eq!(said(false, &packets), Vec::<String>::new());
}

#[test]
fn a_recognised_connection_is_told_once() {
    if !may_load("a_recognised_connection_is_told_once") {
        return;
    }
    let lines = said(true, &conversation());
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(
        line.starts_with("RTSP from ::ffff:192.0.2.1 port 5544 to ::ffff:192.0.2.2 port 40000"),
        "{line}"
    );
}

#[test]
fn a_flood_of_unreadable_headers_is_no_flood_of_lines() {
    if !may_load("a_flood_of_unreadable_headers_is_no_flood_of_lines") {
        return;
    }
    let mut loaded = Loaded::with_log(true);
    let mut log = KernelLog::new(&mut loaded.ebpf).unwrap();
    loaded.run("rtsp_ether_in", &unreadable(), 1000);
    let counts: Vec<String> = log
        .new_lines()
        .filter_map(|line| Some(line.strip_suffix(" so far")?.rsplit(' ').next()?.to_owned()))
        .collect();
    assert_eq!(
        counts,
        ["1", "2", "4", "8", "16", "32", "64", "128", "256", "512"]
    );
}
