//! What is said of the capture as a whole.

use rtspscope_engine::advice;

use crate::live::{BY_PROGRAMS, BY_SOCKETS};
use crate::output::json::{Loss, Report, Router, Tap};
use crate::output::names;

/// What to do where a capture holds no session.
pub(in crate::output) fn how_to_capture(report: &Report) -> &'static str {
    if is_watched_by(report, &BY_SOCKETS) {
        "Start the player while this runs"
    } else if is_live(report) {
        "Start the player while this runs. What it set up before, and packets in VXLAN, GRE or TZSP, kernel programs do not follow: \
         --backend afpacket does"
    } else {
        "Capture while the player starts, with all of TCP and UDP: tcpdump -i IF -w FILE host CAMERA"
    }
}

/// Whether interfaces were watched, and no files read.
fn is_live(report: &Report) -> bool {
    is_watched_by(report, &[&BY_PROGRAMS[..], &BY_SOCKETS].concat())
}

/// Whether all taps watch in one of these ways.
fn is_watched_by(report: &Report, ways: &[&str]) -> bool {
    let taps = &report.capture.taps;
    !taps.is_empty() && taps.iter().all(|tap| ways.contains(&way_of(tap)))
}

fn way_of(tap: &Tap) -> &str {
    tap.source.split_once(':').map_or("", |(way, _)| way)
}

/// What was looked at where no session was found in it.
pub(in crate::output) fn without_sessions(report: &Report) -> String {
    let taps = &report.capture.taps;
    let frames: u64 = taps.iter().map(|tap| tap.frames).sum();
    let names: Vec<&str> = taps.iter().map(|tap| tap.name.as_str()).collect();
    let names = names.join(", ");
    match (frames, names.as_str()) {
        (0, "") => "No RTSP session: no frames were captured.".to_owned(),
        // Kernel programs hand over nothing of other traffic.
        (0, _) if is_live(report) => format!("No RTSP session passed {names}."),
        (0, _) => format!("No RTSP session: there are no frames in {names}."),
        _ => format!(
            "No RTSP session in {} of {names}.",
            names::count(frames, "frame")
        ),
    }
}

/// One tap and what passed it.
pub(in crate::output) fn tap(tap: &Tap) -> String {
    let role = super::side(tap).map_or_else(String::new, |side| format!(" ({side})"));
    let time = match (&tap.first_at, &tap.last_at) {
        (Some(first), Some(last)) => {
            format!(
                ", {} to {} UTC",
                first.get(..19).unwrap_or(first).replace('T', " "),
                last.get(11..19).unwrap_or(last)
            )
        }
        _ => String::new(),
    };
    let files = match tap.files.len() {
        0 => String::new(),
        count => format!(" in {count} files"),
    };
    let offset = tap.clock_offset_ns.filter(|offset| *offset != 0);
    let clock = offset.map_or_else(String::new, |offset| {
        format!(", clock {:+.3} ms off the first tap's", offset as f64 / 1e6)
    });
    let drift = tap.clock_drift_ppm.map_or_else(String::new, |drift| {
        format!(", gaining {drift:+.1} ppm on it")
    });
    format!(
        "{}{role}: {}, {}{files}{time}{clock}{drift}",
        tap.name,
        names::count(tap.frames, "frame"),
        names::count(tap.bytes, "byte")
    )
}

/// For which router the advice is, or how to name one; `None` where no advice concerns a router.
pub(in crate::output) fn router(report: &Report) -> Option<String> {
    let mut remedies = report.findings.iter().flat_map(|finding| &finding.remedy);
    if !remedies.any(|remedy| advice::concerns_router(remedy)) {
        return None;
    }
    Some(match &report.router {
        Some(Router {
            machine: Some(machine),
            ..
        }) => format!("Router: this machine ({machine}); --router NAME names another"),
        Some(router) => format!("Router: {}, as named", router.title),
        None => "Router: not known; --router NAME puts its own menus and commands into the advice (rtspscope explain routers \
                 lists them)"
            .to_owned(),
    })
}

/// What is lacking for one reason.
pub(in crate::output) fn loss(loss: &Loss) -> String {
    format!("Not captured or not kept: {} ({})", loss.count, loss.reason)
}

#[cfg(test)]
mod tests {
    use rtspscope_engine::Snapshot;

    use super::how_to_capture;
    use crate::output::json;
    use crate::output::privacy::Privacy;
    use crate::output::sample;

    #[test]
    fn another_way_to_watch_is_named_to_those_who_have_it_not() {
        let told = |source: &str| {
            let mut snapshot = Snapshot {
                sessions: Vec::new(),
                findings: Vec::new(),
                ..sample::snapshot()
            };
            for tap in &mut snapshot.taps {
                tap.source = source.to_owned();
            }
            how_to_capture(&json::report(&snapshot, Privacy::Redact))
        };
        assert!(told("tcx:wan0").contains("--backend afpacket"));
        assert_eq!(told("afpacket:wan0"), "Start the player while this runs");
        assert!(told("wan.pcap").contains("tcpdump"));
    }
}
