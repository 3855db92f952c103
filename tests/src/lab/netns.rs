//! Network namespaces with an owner: made under a unique name, removed when dropped.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";

/// What the name of every namespace of the lab begins with; the owner's process id follows.
const PREFIX: &str = "rtspscope-lab-";

/// A name for one lab that no other lab on this machine has: `rtspscope-lab-PID-COUNT`.
pub fn unique_stem() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{PREFIX}{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Removes namespaces of labs whose process is gone, because it was killed before it could clean up.
pub fn remove_leftovers() -> io::Result<()> {
    let Ok(names) = fs::read_dir(NAMES) else {
        return Ok(());
    };
    for entry in names {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let Some(owner) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
        else {
            continue;
        };
        if owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists() {
            // Another lab may be removing the same leftover at this moment.
            let _ = run(&["ip", "netns", "del", &name]);
        }
    }
    Ok(())
}

/// One network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace of this name.
    pub fn create(name: &str) -> io::Result<Self> {
        run(&["ip", "netns", "add", name])?;
        Ok(Self {
            name: name.to_owned(),
        })
    }

    /// The words that, put before a command, run it in this namespace.
    pub fn exec_prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Runs a command in the namespace to its end and returns what it printed.
    pub fn run(&self, command: &[&str]) -> io::Result<String> {
        run(&[&self.exec_prefix(), command].concat())
    }

    /// Runs `ip` with these arguments on the namespace.
    pub fn ip(&self, args: &[&str]) -> io::Result<()> {
        run(&[&["ip", "-n", &self.name], args].concat()).map(drop)
    }

    /// Lays a cable from here (`near`) to another namespace (`far`) and brings both ends up.
    pub fn veth(&self, near: &str, other: &Self, far: &str) -> io::Result<()> {
        self.ip(&[
            "link",
            "add",
            near,
            "type",
            "veth",
            "peer",
            "name",
            far,
            "netns",
            &other.name,
        ])?;
        self.ip(&["link", "set", near, "up"])?;
        other.ip(&["link", "set", far, "up"])
    }

    /// Takes an interface of the machine into the namespace under a new name, and brings it up.
    pub fn take(&self, interface: &str, name: &str) -> io::Result<()> {
        run(&["ip", "link", "set", interface, "netns", &self.name])?;
        self.ip(&["link", "set", interface, "name", name])?;
        self.ip(&["link", "set", name, "up"])
    }

    /// Gives an interface an address in its /24.
    pub fn address(&self, interface: &str, address: Ipv4Addr) -> io::Result<()> {
        self.ip(&["addr", "add", &format!("{address}/24"), "dev", interface])
    }

    /// Makes the interfaces carry frames as a wire would: no super-packets, checksums complete.
    pub fn offloads_off(&self, interfaces: &[&str]) -> io::Result<()> {
        for interface in interfaces {
            self.run(&[
                "ethtool", "-K", interface, "tx", "off", "gso", "off", "tso", "off", "gro", "off",
            ])?;
        }
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // There is nobody to tell; the next lab sweeps up what could not be removed.
        let _ = run(&["ip", "netns", "del", &self.name]);
    }
}

fn run(command: &[&str]) -> io::Result<String> {
    let (program, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{}: {} ({})",
        command.join(" "),
        complaint.trim(),
        output.status
    )))
}
