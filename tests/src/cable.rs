//! Two network namespaces and a cable between them, for what the kernel programs see of single frames.
//!
//! The far end sends, the near end is tapped. Neither has an address unless a test gives it one, so that nothing in the
//! host answers to frames that a test puts on the wire.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::generate::{self, Recipe, Truth};
use crate::lab::netns::{self, Namespace};
use crate::lab::process::Process;
use crate::program;
use crate::report::Report;
use crate::wait::LIMIT;

/// Name of the interface at both ends.
pub const INTERFACE: &str = "eth0";

/// The program's option for room in which all frames of a made capture can wait, should it get no processor while they come: what is
/// lost for want of time is another test's.
pub const ROOM: [&str; 2] = ["--ring", "64M"];

/// Where in the kernel the program looks at packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// The newest that the kernel has.
    Auto,
    /// The clsact qdisc.
    Clsact,
}

/// An end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The tapped end, unless a test says otherwise.
    Near,
    /// The sending end, unless a test says otherwise.
    Far,
}

/// A cable with its two namespaces; dropping it removes them.
#[derive(Debug)]
pub struct Cable {
    near: Namespace,
    far: Namespace,
    scratch: PathBuf,
    /// Runs of the program so far; each has files of its own.
    watches: AtomicU32,
}

impl Cable {
    /// Lays a new cable.
    pub fn new() -> io::Result<Self> {
        netns::remove_leftovers()?;
        let stem = netns::unique_stem();
        let scratch = std::env::temp_dir().join(&stem);
        fs::create_dir_all(&scratch)?;
        let near = Namespace::create(&format!("{stem}-near"))?;
        let far = Namespace::create(&format!("{stem}-far"))?;
        for end in [&near, &far] {
            end.run(&["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])?;
        }
        let cable = Self {
            near,
            far,
            scratch,
            watches: AtomicU32::new(0),
        };
        cable.lay()?;
        Ok(cable)
    }

    /// Lays the cable between the namespaces.
    pub fn lay(&self) -> io::Result<()> {
        self.near.veth(INTERFACE, &self.far, INTERFACE)
    }

    /// Takes the cable away, and with it the interfaces at both ends.
    pub fn cut(&self) -> io::Result<()> {
        self.near.ip(&["link", "del", INTERFACE])
    }

    /// A folder that lives as long as the cable.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The namespace of an end.
    pub fn end(&self, end: End) -> &Namespace {
        match end {
            End::Near => &self.near,
            End::Far => &self.far,
        }
    }

    /// Gives both ends an address: near .1, far .2.
    pub fn set_addresses(&self) -> io::Result<()> {
        self.near.address(INTERFACE, Ipv4Addr::new(10, 77, 0, 1))?;
        self.far.address(INTERFACE, Ipv4Addr::new(10, 77, 0, 2))
    }

    /// Makes a capture with reshaped frames in the folder of the cable, and tells what is true in it.
    pub fn make(
        &self,
        recipe: &Recipe,
        reshape: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> io::Result<(PathBuf, Truth)> {
        let path = self.scratch.join("made.pcap");
        let mut file = BufWriter::new(File::create(&path)?);
        let truth = generate::write_reshaped(recipe, &mut file, reshape)?;
        Ok((path, truth))
    }

    /// Puts the frames of a capture on the wire at the far end.
    pub fn inject(&self, capture: &Path) -> io::Result<()> {
        let script = script("inject.py");
        let words = ["python3", &script, &capture.to_string_lossy(), INTERFACE];
        self.far.run(&words).map(drop)
    }

    /// The same with only the Ethernet header of a frame in one piece, where the frame fills a page. How many went out
    /// so; `None` where the kernel does not tell.
    pub fn inject_paged(&self, capture: &Path) -> io::Result<Option<u64>> {
        let capture = capture.to_string_lossy();
        let told = self.run_script(End::Far, "inject.py", &[&capture, INTERFACE, "paged"])?;
        Ok(told.trim().parse().ok())
    }

    /// Lets the cable carry packets of this length.
    pub fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        let mtu = mtu.to_string();
        [&self.near, &self.far]
            .iter()
            .try_for_each(|end| end.ip(&["link", "set", INTERFACE, "mtu", &mtu]))
    }

    /// Runs one of the scripts beside the lab at an end to its end.
    pub fn run_script(&self, end: End, name: &str, args: &[&str]) -> io::Result<String> {
        let script = script(name);
        self.end(end)
            .run(&[&["python3", &script][..], args].concat())
    }

    /// Starts one of the scripts beside the lab at an end.
    pub fn start_script(&self, end: End, name: &str, args: &[&str]) -> io::Result<Process> {
        let script = script(name);
        let command = [&["python3", &script][..], args].concat();
        Process::start(&self.end(end).exec_prefix(), &command, &self.scratch, name)
    }

    /// Starts the program at an end; it observes when this returns.
    pub fn watch(&self, end: End, hook: Hook) -> io::Result<Watch> {
        self.watch_with(end, &["--lan", INTERFACE], hook)
    }

    /// Starts the program at an end with these words for its interfaces.
    pub fn watch_with(&self, end: End, interfaces: &[&str], hook: Hook) -> io::Result<Watch> {
        let binary = program::binary()?.to_string_lossy();
        let name = format!("rtspscope-{}", self.watches.fetch_add(1, Ordering::Relaxed));
        let recording = self.scratch.join(format!("{name}.pcapng"));
        let record = recording.to_string_lossy();
        let hook = if hook == Hook::Clsact {
            "clsact"
        } else {
            "auto"
        };
        let fixed = [
            "--no-tui",
            "--format",
            "ndjson",
            "--duration",
            "600s",
            "--record",
            &record,
            "--hook",
            hook,
        ];
        let command = [&[&*binary, "watch"], interfaces, &fixed[..]].concat();
        let prefix = self.end(end).exec_prefix();
        let mut process = Process::start(&prefix, &command, &self.scratch, &name)?;
        process.wait_until("observing", LIMIT, |process| {
            process.output().contains(r#""type":"observing""#)
        })?;
        Ok(Watch { process, recording })
    }

    /// Programs of TCX at an end, for packets received and sent; `none` where the kernel has no TCX.
    pub fn tcx_programs(&self, end: End) -> io::Result<String> {
        let counts = self.run_script(end, "attached.py", &[INTERFACE])?;
        Ok(counts.trim().to_owned())
    }

    /// Our filters in the clsact qdisc of an end, for packets received and sent.
    pub fn clsact_filters(&self, end: End) -> io::Result<[usize; 2]> {
        let count = |hook| -> io::Result<usize> {
            let listed = self
                .end(end)
                .run(&["tc", "filter", "show", "dev", INTERFACE, hook])?;
            Ok(listed
                .lines()
                .filter(|line| line.contains("direct-action"))
                .count())
        };
        Ok([count("ingress")?, count("egress")?])
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // Nothing depends on it; the folder for temporary files is swept by the system.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// The program at one end.
#[derive(Debug)]
pub struct Watch {
    process: Process,
    recording: PathBuf,
}

impl Watch {
    /// The recording, pcapng.
    pub fn recording(&self) -> &Path {
        &self.recording
    }

    /// The program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends the run as Ctrl-C does; returns its report.
    pub fn finish(mut self) -> io::Result<Report> {
        self.process.interrupt(LIMIT)?;
        let output = self.process.output();
        let last: Option<Value> = output
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok());
        match last.filter(|line| line["type"] == "report") {
            Some(report) => Ok(Report::new(report)),
            None => Err(io::Error::other(format!(
                "no report: {output}{}",
                self.process.errors()
            ))),
        }
    }
}

fn script(name: &str) -> String {
    format!("{}/lab/{name}", env!("CARGO_MANIFEST_DIR"))
}
