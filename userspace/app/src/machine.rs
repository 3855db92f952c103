//! Whether the machine that the program runs on is the router, and which.
//!
//! A system made for routers (OpenWrt, VyOS, EdgeOS, UniFi) is one, whatever is asked of it. Any other Linux is one only
//! for a live run that taps it on both sides while it forwards packets: a laptop with captures from elsewhere forwards too,
//! as soon as it runs containers.

use std::fs;
use std::path::{Path, PathBuf};

use rtspscope_engine::advice::{self, Named};

/// What the machine does in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// It is watched between its own interfaces.
    WatchedLive,
    /// It looks at files, a mirror port, or nothing.
    Elsewhere,
}

/// The router that this machine is; `None` where it is none, or none that is known.
pub(crate) fn as_router(task: Task) -> Option<Named> {
    Machine::this().as_router(task)
}

/// A machine by its files.
#[derive(Debug)]
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    #[cfg(test)]
    pub(crate) fn below(root: PathBuf) -> Self {
        Self { root }
    }

    /// This machine.
    pub(crate) fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    fn as_router(&self, task: Task) -> Option<Named> {
        let (name, title) = self.router_system().or_else(|| {
            let is_router = task == Task::WatchedLive && self.forwards();
            is_router.then(|| ("linux", self.title()))
        })?;
        let helper = match self.has_module("nf_conntrack_rtsp") {
            Some(true) => ", RTSP helper loaded",
            Some(false) => ", no RTSP helper loaded",
            None => "",
        };
        Some(Named {
            router: advice::router(name)?,
            machine: Some(format!("{title}{helper}")),
        })
    }

    /// Name and title of a system that is made for routers.
    pub(crate) fn router_system(&self) -> Option<(&'static str, String)> {
        let version = self.read("etc/version").unwrap_or_default();
        if self.path("etc/openwrt_release").exists() {
            Some(("openwrt", self.openwrt_title()))
        } else if self.os_release("ID").as_deref() == Some("vyos") {
            Some(("vyos", self.title()))
        } else if version.starts_with("EdgeRouter") {
            Some(("edgerouter", format!("EdgeOS {version}")))
        } else if version.starts_with("UniFi") || self.path("usr/bin/ubnt-device-info").exists() {
            Some(("unifi", "UniFi gateway".to_owned()))
        } else {
            None
        }
    }

    /// What the system calls itself.
    pub(crate) fn title(&self) -> String {
        self.os_release("PRETTY_NAME")
            .or_else(|| self.os_release("NAME"))
            .unwrap_or_else(|| "Linux".to_owned())
    }

    /// Whether the kernel forwards packets.
    pub(crate) fn forwards(&self) -> bool {
        let on = |path| self.read(path).is_some_and(|value| value == "1");
        on("proc/sys/net/ipv4/ip_forward") || on("proc/sys/net/ipv6/conf/all/forwarding")
    }

    /// Whether a kernel module is loaded; `None` where the list cannot be read.
    pub(crate) fn has_module(&self, name: &str) -> Option<bool> {
        let modules = self.read("proc/modules")?;
        let is_it = |line: &str| line.split(' ').next() == Some(name);
        Some(modules.lines().any(is_it) || self.path("sys/module").join(name).exists())
    }

    /// The text of a file without white space around it.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A figure of its memory, as `/proc/meminfo` calls it, in KiB.
    pub(crate) fn memory_kib(&self, name: &str) -> Option<u64> {
        let meminfo = self.read("proc/meminfo")?;
        let mut lines = meminfo.lines();
        let rest = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.split_whitespace().next()?.parse().ok()
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    fn openwrt_title(&self) -> String {
        let release = self.read("etc/openwrt_release").unwrap_or_default();
        let value = |key| value_of(&release, key);
        let number = value("DISTRIB_RELEASE");
        number.map_or_else(
            || self.title(),
            |number| {
                let name = value("DISTRIB_ID").unwrap_or_else(|| "OpenWrt".to_owned());
                format!("{name} {number}")
            },
        )
    }

    fn os_release(&self, key: &str) -> Option<String> {
        let text = self
            .read("etc/os-release")
            .or_else(|| self.read("usr/lib/os-release"))?;
        value_of(&text, key)
    }
}

/// The value of `KEY=value`, with or without quotes.
fn value_of(text: &str, key: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    let value = line.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with these files.
    fn machine(name: &str, files: &[(&str, &str)]) -> Machine {
        let root =
            std::env::temp_dir().join(format!("rtspscope-machine-{}-{name}", std::process::id()));
        let _old = fs::remove_dir_all(&root);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Machine::below(root)
    }

    fn told(machine: &Machine, task: Task) -> Option<(&'static str, String)> {
        let named = machine.as_router(task);
        fs::remove_dir_all(&machine.root).unwrap();
        named.map(|named| (named.router.name, named.machine.unwrap()))
    }

    const DEBIAN: (&str, &str) = (
        "etc/os-release",
        "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\n",
    );
    const FORWARDS: (&str, &str) = ("proc/sys/net/ipv4/ip_forward", "1\n");

    #[test]
    fn memory_is_told_by_the_names_of_the_kernel() {
        let text = "MemTotal:         507904 kB\nMemFree: 9 kB\nMemAvailable:   20000 kB\n";
        let machine = machine("memory", &[("proc/meminfo", text)]);
        let told = ["MemTotal", "MemAvailable", "Mem"].map(|name| machine.memory_kib(name));
        fs::remove_dir_all(&machine.root).unwrap();
        assert_eq!(told, [Some(507_904), Some(20_000), None]);
    }

    #[test]
    fn openwrt_is_a_router_whatever_is_asked_of_it() {
        let release = "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='24.10.2'\nDISTRIB_TARGET='x86/64'\n";
        let files = [
            ("etc/openwrt_release", release),
            (
                "proc/modules",
                "nf_nat_rtsp 12288 0 - Live 0x0\nnf_conntrack_rtsp 12288 1 nf_nat_rtsp, Live 0x0\n",
            ),
        ];
        assert_eq!(
            told(&machine("openwrt", &files), Task::Elsewhere),
            Some(("openwrt", "OpenWrt 24.10.2, RTSP helper loaded".to_owned()))
        );
    }

    #[test]
    fn a_laptop_with_captures_is_no_router_although_it_forwards() {
        assert_eq!(
            told(&machine("laptop", &[DEBIAN, FORWARDS]), Task::Elsewhere),
            None
        );
    }

    #[test]
    fn a_linux_that_forwards_between_its_taps_is_one() {
        let files = [
            DEBIAN,
            FORWARDS,
            ("proc/modules", "nf_nat 1 0 - Live 0x0\n"),
        ];
        assert_eq!(
            told(&machine("linux", &files), Task::WatchedLive),
            Some((
                "linux",
                "Debian GNU/Linux 13 (trixie), no RTSP helper loaded".to_owned()
            ))
        );
    }

    #[test]
    fn a_linux_that_does_not_forward_is_none() {
        let files = [DEBIAN, ("proc/sys/net/ipv4/ip_forward", "0\n")];
        assert_eq!(told(&machine("host", &files), Task::WatchedLive), None);
    }

    #[test]
    fn makers_own_systems_are_known() {
        let edge = machine(
            "edge",
            &[("etc/version", "EdgeRouter.ER-e50.v2.0.9-hotfix.7.5622762\n")],
        );
        assert_eq!(
            told(&edge, Task::Elsewhere),
            Some((
                "edgerouter",
                "EdgeOS EdgeRouter.ER-e50.v2.0.9-hotfix.7.5622762".to_owned()
            ))
        );
        let vyos = machine(
            "vyos",
            &[("etc/os-release", "PRETTY_NAME=\"VyOS 1.5\"\nID=vyos\n")],
        );
        assert_eq!(
            told(&vyos, Task::Elsewhere),
            Some(("vyos", "VyOS 1.5".to_owned()))
        );
    }
}
