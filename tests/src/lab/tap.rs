//! Captures at the router's two interfaces by tcpdump, the independent witness.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::process::Process;
use super::{Host, Lab};
use crate::wait::{self, LIMIT};

/// The payload of the last datagram of every capture, by which the tap knows that all before it was written.
const MARKER: &str = "end of the capture";

/// Kilobytes of frames that may wait for tcpdump on a busy machine.
const ROOM_KIB: &str = "16384";

/// Two running captures.
#[derive(Debug)]
pub struct Tap {
    lan: Process,
    wan: Process,
    lan_file: PathBuf,
    wan_file: PathBuf,
}

impl Tap {
    /// Starts tcpdump on `lan0` and `wan0`; both capture when this returns.
    pub fn start(lab: &Lab, directory: &Path) -> io::Result<Self> {
        let start = |interface: &str, file: &Path| -> io::Result<Process> {
            let command = [
                "tcpdump",
                "--immediate-mode",
                "-B",
                ROOM_KIB,
                "-U",
                "-Z",
                "root",
                "-s",
                "0",
                "-i",
                interface,
                "-w",
            ];
            let file = file.to_string_lossy();
            let mut dump = lab.spawn(
                Host::Router,
                &format!("tcpdump-{interface}"),
                &[&command[..], &[&*file]].concat(),
            )?;
            dump.wait_until("listening", LIMIT, |dump| {
                dump.errors().contains("listening on")
            })?;
            Ok(dump)
        };
        let (lan_file, wan_file) = (directory.join("lan.pcap"), directory.join("wan.pcap"));
        Ok(Self {
            lan: start("lan0", &lan_file)?,
            wan: start("wan0", &wan_file)?,
            lan_file,
            wan_file,
        })
    }

    /// Ends both captures when everything sent so far is in the files, and returns their paths (lan, wan).
    ///
    /// A datagram to the discard port crosses the router last; once both files hold it they hold all before it.
    pub fn finish(mut self, lab: &Lab) -> io::Result<(PathBuf, PathBuf)> {
        let farewell = format!("printf '{MARKER}' > /dev/udp/{}/9", lab.plan().wan_host);
        lab.run(Host::Lan, &["bash", "-c", &farewell])?;
        for file in [&self.lan_file, &self.wan_file] {
            wait::until("the last datagram in the capture", LIMIT, || {
                let bytes = fs::read(file).ok()?;
                bytes
                    .windows(MARKER.len())
                    .any(|window| window == MARKER.as_bytes())
                    .then_some(())
            })?;
        }
        for dump in [&mut self.lan, &mut self.wan] {
            dump.interrupt(LIMIT)?;
            let told = dump.errors();
            if !told.contains("\n0 packets dropped by kernel") {
                return Err(io::Error::other(told));
            }
        }
        Ok((self.lan_file, self.wan_file))
    }
}
