//! Every finding code has a case that fires it and a nearest case that must not; `docs/cases.md` lists them.
//!
//! A case of the lab fires a code where its expected set has it, and the test of that case holds it to the exact set. What
//! the lab's scripted peers cannot play stands in a golden capture, which `golden.rs` holds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Named;
use crate::{gateway, hairpin, network, server};

/// Codes that only a golden capture fires, with the capture and the test that holds it.
const GOLDEN: &[(&str, &str)] = &[
    ("encrypted", "A-gsttls-ffmpeg-rtsps"),
    ("capture-incomplete", "M-gst-gst-mcast"),
];

/// Of each code the case that is nearest to firing it and must not.
const NEAREST: &[(&str, &str)] = &[
    ("rtp-never-arrived", "a_recording"),
    ("rtp-never-sent", "a_group_that_nobody_asked_for"),
    (
        "rtcp-never-arrived",
        "a_session_without_a_fault_has_no_finding_of_weight",
    ),
    (
        "rtp-wrong-port",
        "an_answer_that_is_not_restored_to_a_client_that_punches",
    ),
    (
        "rtp-wrong-source",
        "a_way_in_that_a_client_that_punches_does_not_need",
    ),
    ("rtp-stalled", "a_client_that_keeps_the_session_alive"),
    (
        "rtp-loss",
        "a_session_without_a_fault_has_no_finding_of_weight",
    ),
    ("large-packets-lost", "one_packet_in_twenty_lost"),
    ("alg-rewrote-message", "a_way_in_without_a_rewrite"),
    ("alg-corrupted-message", "a_rewrite_without_a_way_in"),
    ("alg-dropped-message", "a_hole_for_large_segments"),
    ("alg-reply-not-restored", "a_rewrite_without_a_way_in"),
    (
        "alg-opened-pinhole",
        "a_way_in_that_a_client_that_punches_does_not_need",
    ),
    (
        "alg-missed-setup",
        "a_client_that_punches_and_one_that_does_not",
    ),
    (
        "nat-no-pinhole",
        "a_rewrite_without_a_way_in_for_a_client_that_punches",
    ),
    ("nat-port-randomised", "a_client_that_waits_in_silence"),
    (
        "nat-source-port-changed",
        "media_from_a_port_that_was_not_told",
    ),
    ("nat-private-address-leaked", "two_private_networks"),
    ("proxy-in-path", "a_rewrite_without_a_way_in"),
    ("session-timed-out", "a_client_that_keeps_the_session_alive"),
    (
        "no-receiver-reports",
        "a_server_that_stops_although_reports_come",
    ),
    (
        "mapping-expired",
        "a_server_that_stops_without_receiver_reports",
    ),
    ("request-refused", "a_camera_without_room"),
    ("connection-closed", "a_server_that_times_the_session_out"),
    (
        "media-refused",
        "a_player_that_closes_its_ports_and_lingers",
    ),
    ("request-unanswered", "a_swallowed_setup"),
    ("connection-refused", "a_stream_that_is_not_there"),
    ("authentication-failed", "a_stream_that_is_not_there"),
    ("transport-refused", "a_camera_without_room"),
    ("server-busy", "a_refused_transport"),
    ("describe-failed", "wrong_credentials"),
    ("interleaved-desync", "video_with_keyframes"),
    ("slow-receiver", "video_with_keyframes"),
    ("multicast-not-joined", "a_group_that_the_router_forwards"),
    ("no-keyframe", "video_with_keyframes"),
    (
        "different-subnets",
        "a_session_without_a_fault_has_no_finding_of_weight",
    ),
    ("exposed-to-internet", "two_private_networks"),
    ("encrypted", "video_with_keyframes"),
    (
        "client-dependent",
        "a_session_without_a_fault_has_no_finding_of_weight",
    ),
    (
        "camera-dependent",
        "a_client_that_punches_and_one_that_does_not",
    ),
    ("capture-incomplete", "a_refused_connection"),
];

fn cases() -> impl Iterator<Item = &'static Named> {
    [
        gateway::CASES,
        hairpin::CASES,
        network::CASES,
        server::CASES,
    ]
    .into_iter()
    .flatten()
}

fn fires(case: &Named, code: &str) -> bool {
    case.errors.contains(&code) || case.told.contains(&code)
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Each code has a page of its own, which a test of the engine holds to the code.
fn codes() -> BTreeSet<String> {
    let pages = fs::read_dir(docs().join("findings")).expect("the pages of the findings");
    pages
        .filter_map(|page| {
            let name = page.ok()?.file_name().into_string().ok()?;
            Some(name.strip_suffix(".md")?.to_owned())
        })
        .collect()
}

/// The case that fires a code with the fewest others beside it.
fn plainest(code: &str) -> Option<String> {
    let firing = cases().filter(|case| fires(case, code));
    let plainest = firing.min_by_key(|case| (case.errors.len() + case.told.len(), case.name));
    let golden = GOLDEN.iter().find(|(golden, _)| *golden == code);
    plainest
        .map(|case| format!("`{}`", case.name))
        .or_else(|| golden.map(|(_, capture)| format!("golden capture `{capture}`")))
}

fn nearest(code: &str) -> Option<&'static str> {
    let (_, name) = NEAREST.iter().find(|(known, _)| *known == code)?;
    let case = cases().find(|case| case.name == *name)?;
    (!fires(case, code)).then_some(case.name)
}

fn table() -> String {
    let mut table = String::from(
        "# Cases\n\nThe lab plays each fault live on a router in network namespaces, and both the live run and the replay of its recording must \
         report exactly the codes of the case. For each code: a case that fires it, and the nearest one that must not.\n\n\
         | code | fired by | silent in |\n|---|---|---|\n",
    );
    for code in codes() {
        let cells = plainest(&code).zip(nearest(&code));
        let (fired, silent) = cells.unwrap_or_default();
        let _ = writeln!(table, "| `{code}` | {fired} | `{silent}` |");
    }
    table
}

#[test]
fn every_code_has_a_case_that_fires_it() {
    let without: Vec<String> = codes()
        .into_iter()
        .filter(|code| plainest(code).is_none())
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn every_code_has_a_nearest_case_that_does_not_fire_it() {
    let without: Vec<String> = codes()
        .into_iter()
        .filter(|code| nearest(code).is_none())
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

/// `RTSPSCOPE_WRITE_PAGES=1` writes the page anew.
#[test]
fn the_page_of_cases_says_what_the_cases_are() {
    let path = docs().join("cases.md");
    if std::env::var_os("RTSPSCOPE_WRITE_PAGES").is_some() {
        fs::write(&path, table()).expect("the page can be written");
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, table(), "{}", path.display());
}
