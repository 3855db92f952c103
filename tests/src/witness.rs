//! tcpdump at an end of a cable: the independent witness of what crosses it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cable::{Cable, End, INTERFACE};
use crate::lab::process::Process;
use crate::program;
use crate::report::Report;
use crate::wait::{self, LIMIT};

/// What the last frame of every capture says.
const MARKER: &str = "end of the capture";

/// Bytes at the end of a capture that are looked through for it: a host that is new on a cable goes on to ask for routers and
/// to report its groups.
const TAIL_LEN: usize = 8_192;

/// Kilobytes of frames that may wait for tcpdump.
const ROOM_KIB: &str = "65536";

/// A running capture.
#[derive(Debug)]
pub struct Witness {
    dump: Process,
    file: PathBuf,
}

impl Witness {
    /// Starts tcpdump; it captures when this returns.
    pub fn start(cable: &Cable, end: End) -> io::Result<Self> {
        let file = cable.scratch().join("tcpdump.pcap");
        let path = file.to_string_lossy();
        // In its immediate mode libpcap 1.10 cuts frames at 64 KiB.
        let words = ["-U", "-Z", "root", "-s", "0", "-B", ROOM_KIB];
        let command = [&["tcpdump"][..], &words, &["-i", INTERFACE, "-w", &path]].concat();
        let prefix = cable.end(end).exec_prefix();
        let mut dump = Process::start(&prefix, &command, cable.scratch(), "tcpdump")?;
        dump.wait_until("listening", LIMIT, |dump| {
            dump.errors().contains("listening on")
        })?;
        drop(path);
        Ok(Self { dump, file })
    }

    /// Ends the capture when everything that was sent from the far end so far is in it; what the offline program says
    /// of it, and where it is.
    pub fn finish(mut self, cable: &Cable) -> io::Result<(Report, PathBuf)> {
        cable.run_script(End::Far, "last_frame.py", &[INTERFACE, MARKER])?;
        wait::until("the last frame in the capture", LIMIT, || {
            ends_with_marker(&self.file).then_some(())
        })?;
        self.dump.interrupt(LIMIT)?;
        let dropped = self.dump.errors();
        if !dropped.contains("0 packets dropped by kernel") {
            return Err(io::Error::other(format!("tcpdump lost frames: {dropped}")));
        }
        let report = program::analyze(&["--lan", &self.file.to_string_lossy()])?;
        Ok((report, self.file))
    }
}

fn ends_with_marker(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    let tail = bytes.len().saturating_sub(TAIL_LEN);
    bytes[tail..]
        .windows(MARKER.len())
        .any(|window| window == MARKER.as_bytes())
}
