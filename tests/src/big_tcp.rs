//! A session whose segments are longer than an IP header can say (BIG TCP), on a cable.

use std::io;
use std::process::Command;

use serde_json::Value;

use crate::cable::{Cable, End, INTERFACE};
use crate::report::Report;
use crate::wait::LIMIT;

/// What the links are allowed to carry in one packet; the kernel's own tests of BIG TCP use this length.
const LINK_LEN: &str = "185000";

/// Longest frame that an IP header can tell the length of, with an Ethernet header.
const TOLD_LEN: u32 = 65_535 + 40 + 14;

/// Room for a connection to grow to such segments at once.
const ROOM: &str = "4096 1048576 16777216";

/// What `big_tcp.py` sends: packets, their bytes, numbers, and those that are left out.
const COUNTS: [(&str, u64); 6] = [
    ("packets", 3_960),
    ("bytes", 3_960 * 1_200),
    ("expected", 3_999),
    ("lost", 39),
    ("duplicates", 0),
    ("reordered", 0),
];

/// IP version of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4: the kernel writes a total length of 0.
    V4,
    /// IPv6: the kernel writes a payload length of 0, up to Linux 6.19 with a jumbo payload option (RFC 2675).
    V6,
}

impl Family {
    /// Addresses of the near end and the far one, and the length of their prefix.
    fn addresses(self) -> [&'static str; 3] {
        match self {
            Self::V4 => ["10.77.0.1", "10.77.0.2", "24"],
            Self::V6 => ["fd00:77::1", "fd00:77::2", "64"],
        }
    }
}

/// Gives both ends addresses and lets their links carry long packets.
pub fn prepare(cable: &Cable, family: Family) -> io::Result<()> {
    let [near, far, prefix] = family.addresses();
    for (end, address) in [(End::Near, near), (End::Far, far)] {
        let space = cable.end(end);
        let address = format!("{address}/{prefix}");
        if family == Family::V6 {
            let on = format!("net.ipv6.conf.{INTERFACE}.disable_ipv6=0");
            space.run(&["sysctl", "-qw", &on])?;
            space.ip(&["addr", "add", &address, "dev", INTERFACE, "nodad"])?;
        } else {
            space.ip(&["addr", "add", &address, "dev", INTERFACE])?;
        }
        for room in ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"] {
            space.run(&["sysctl", "-qw", &format!("{room}={ROOM}")])?;
        }
        cable.run_script(end, "big_tcp.py", &["sizes", INTERFACE, LINK_LEN])?;
    }
    Ok(())
}

/// Plays the session from its first packet to its last: the camera is at the far end.
pub fn play(cable: &Cable, family: Family) -> io::Result<()> {
    let [_near, far, _prefix] = family.addresses();
    let mut camera = cable.start_script(End::Far, "big_tcp.py", &["camera", far])?;
    camera.wait_until("serving", LIMIT, |camera| {
        camera.output().contains("serving")
    })?;
    cable
        .run_script(End::Near, "big_tcp.py", &["player", far])
        .map(drop)
}

/// Whether a report says exactly what was sent, and that nothing was lost on the way.
pub fn check(report: &Report) -> io::Result<()> {
    let value = report.value();
    let [session] = report.sessions() else {
        return Err(io::Error::other(format!("one session expected: {value}")));
    };
    let rtp = &session["media"][0]["arrivals"][0]["rtp"];
    let told = [
        (&value["capture"]["losses"], Value::Array(Vec::new())),
        (&session["transport"], Value::from("tcp")),
        (&session["requests"], Value::from(4)),
        (&session["responses"], Value::from(4)),
    ];
    let counts = COUNTS.map(|(key, count)| (&rtp[key], Value::from(count)));
    match told
        .iter()
        .chain(&counts)
        .find(|(told, true_one)| *told != true_one)
    {
        None => Ok(()),
        Some((told, true_one)) => Err(io::Error::other(format!(
            "{told} instead of {true_one}: {session}, losses {}",
            value["capture"]["losses"]
        ))),
    }
}

/// Frames of a capture that are longer than their IP headers can say, and whether any of these was cut.
pub fn long_frames(capture: &str) -> io::Result<(usize, bool)> {
    let longer = format!("frame.len > {TOLD_LEN}");
    let fields = ["-Y", &longer, "-e", "frame.cap_len", "-e", "frame.len"];
    let lengths = fields_of(capture, &fields)?;
    let mut lengths = lengths.lines().filter_map(|line| line.split_once('\t'));
    let count = lengths.clone().count();
    Ok((
        count,
        lengths.any(|(captured, original)| captured != original),
    ))
}

/// TCP segments of a capture whose checksum is for a card to fill in yet, and all that have a payload: what answers for a
/// connection that has ended (RFC 9293 §3.6.1) comes from no socket, and its checksum is finished.
pub fn unfinished_checksums(capture: &str) -> io::Result<(usize, usize)> {
    let fields = [
        "-o",
        "tcp.check_checksum:TRUE",
        "-Y",
        "tcp.len > 0",
        "-e",
        "tcp.checksum.status",
    ];
    let told = fields_of(capture, &fields)?;
    let wrong = told.lines().filter(|status| *status == "0").count();
    Ok((wrong, told.lines().count()))
}

fn fields_of(capture: &str, words: &[&str]) -> io::Result<String> {
    let output = Command::new("tshark")
        .args(["-r", capture, "-T", "fields"])
        .args(words)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
