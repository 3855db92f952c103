//! A router between a home network and the internet, in network namespaces of its own.
//!
//! ```text
//! lan (eth0) ──┐
//!              ├─ switch ── lan0 [router] wan0 ── eth0 (wan)
//! lan2 (eth0) ─┘
//! ```
//!
//! Each [`Lab`] has namespaces that no other lab shares (process id and a counter in their names), so tests run side
//! by side. Dropping it, by a panic too, ends every process it started and removes the namespaces. The wan host has
//! no route to the home network: only the router's address translation brings anything back.

pub mod cards;
pub mod netns;
pub mod peers;
pub mod process;
pub mod rules;
pub mod tap;
pub mod watch;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use cards::Cards;
use netns::Namespace;
use process::Process;
pub use rules::Nat;

/// The addresses of a lab, all networks /24, and how its links behave.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first host of the home network.
    pub lan_host: Ipv4Addr,
    /// The second host of the home network.
    pub lan_second: Ipv4Addr,
    /// The router's address on `lan0`.
    pub router_lan: Ipv4Addr,
    /// The router's public address on `wan0`.
    pub router_wan: Ipv4Addr,
    /// The host on the internet.
    pub wan_host: Ipv4Addr,
    /// How the router translates what leaves at `wan0`.
    pub nat: Nat,
    /// A TCP port of the router's public address that leads to the first inside host's same port (case B).
    pub port_forward: Option<u16>,
    /// Network cards that the links are made of, where they are not made by software.
    pub cards: Option<Cards>,
    /// Leave segmentation and checksum offloads on, so that taps see super-packets of many segments.
    pub offloads: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            lan_host: Ipv4Addr::new(192, 168, 1, 100),
            lan_second: Ipv4Addr::new(192, 168, 1, 101),
            router_lan: Ipv4Addr::new(192, 168, 1, 1),
            router_wan: Ipv4Addr::new(203, 0, 113, 1),
            wan_host: Ipv4Addr::new(203, 0, 113, 10),
            nat: Nat::Masquerade,
            port_forward: None,
            cards: None,
            offloads: false,
        }
    }
}

/// A place in the lab where a program can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The first host of the home network.
    Lan,
    /// The second host of the home network.
    LanSecond,
    /// The router, with `lan0` and `wan0`.
    Router,
    /// The host on the internet.
    Wan,
}

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    lan: Namespace,
    second: Namespace,
    switch: Namespace,
    router: Namespace,
    wan: Namespace,
    scratch: PathBuf,
}

impl Lab {
    /// Builds the namespaces, links, addresses, routes and rules of `plan`.
    pub fn new(plan: &Plan) -> io::Result<Self> {
        netns::remove_leftovers()?;
        let stem = netns::unique_stem();
        let scratch = std::env::temp_dir().join(&stem);
        fs::create_dir_all(&scratch)?;
        let space = |role: &str| Namespace::create(&format!("{stem}-{role}"));
        let lab = Self {
            plan: plan.clone(),
            lan: space("lan")?,
            second: space("lan2")?,
            switch: space("switch")?,
            router: space("router")?,
            wan: space("wan")?,
            scratch,
        };
        lab.wire_up()?;
        lab.set_addresses()?;
        rules::load(&lab.router, &rules::text(plan))?;
        Ok(lab)
    }

    /// The plan this lab was built from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the names of all namespaces of this lab begin with.
    pub fn name(&self) -> &str {
        self.scratch
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    /// A directory for captures and logs, removed with the lab.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Starts a program on one of the hosts. Its output goes to `NAME.out` and `NAME.err` in the scratch directory.
    pub fn spawn(&self, host: Host, name: &str, command: &[&str]) -> io::Result<Process> {
        Process::start(
            &self.space(host).exec_prefix(),
            command,
            &self.scratch,
            name,
        )
    }

    /// Runs a program on one of the hosts to its end, and fails if it fails.
    pub fn run(&self, host: Host, command: &[&str]) -> io::Result<String> {
        self.space(host).run(command)
    }

    fn space(&self, host: Host) -> &Namespace {
        match host {
            Host::Lan => &self.lan,
            Host::LanSecond => &self.second,
            Host::Router => &self.router,
            Host::Wan => &self.wan,
        }
    }

    fn wire_up(&self) -> io::Result<()> {
        for space in [
            &self.lan,
            &self.second,
            &self.switch,
            &self.router,
            &self.wan,
        ] {
            space.run(&[
                "sysctl",
                "-qw",
                "net.ipv6.conf.all.disable_ipv6=1",
                "net.ipv6.conf.default.disable_ipv6=1",
            ])?;
            space.ip(&["link", "set", "lo", "up"])?;
        }
        match &self.plan.cards {
            Some(cards) => cards.plug(self)?,
            None => self.lay_cables()?,
        }
        if !self.plan.offloads {
            self.router.offloads_off(&["lan0", "wan0"])?;
            for space in [&self.lan, &self.second, &self.wan] {
                space.offloads_off(&["eth0"])?;
            }
        }
        Ok(())
    }

    /// Puts the router's interfaces back that a test has deleted, with their addresses.
    pub fn plug_again(&self) -> io::Result<()> {
        self.switch.veth("p0", &self.router, "lan0")?;
        self.switch.ip(&["link", "set", "p0", "master", "br0"])?;
        self.router.veth("wan0", &self.wan, "eth0")?;
        self.switch.offloads_off(&["p0"])?;
        self.router.offloads_off(&["lan0", "wan0"])?;
        self.wan.offloads_off(&["eth0"])?;
        self.router.address("lan0", self.plan.router_lan)?;
        self.router.address("wan0", self.plan.router_wan)?;
        self.wan.address("eth0", self.plan.wan_host)?;
        // The new interfaces have other hardware addresses than the hosts remember.
        for space in [&self.lan, &self.second, &self.wan] {
            space.ip(&["neigh", "flush", "all"])?;
        }
        Ok(())
    }

    /// A cable for each host of the home network to a switch, one from there to the router, one from it to the internet.
    fn lay_cables(&self) -> io::Result<()> {
        // Snooping without a querier keeps reports of group membership from the router.
        self.switch.ip(&[
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "mcast_snooping",
            "0",
        ])?;
        self.switch.ip(&["link", "set", "br0", "up"])?;
        for (port, space, end) in [
            ("p0", &self.router, "lan0"),
            ("p1", &self.lan, "eth0"),
            ("p2", &self.second, "eth0"),
        ] {
            self.switch.veth(port, space, end)?;
            self.switch.ip(&["link", "set", port, "master", "br0"])?;
        }
        self.router.veth("wan0", &self.wan, "eth0")?;
        if !self.plan.offloads {
            self.switch.offloads_off(&["p0", "p1", "p2"])?;
        }
        Ok(())
    }

    fn set_addresses(&self) -> io::Result<()> {
        let plan = &self.plan;
        self.lan.address("eth0", plan.lan_host)?;
        self.second.address("eth0", plan.lan_second)?;
        self.router.address("lan0", plan.router_lan)?;
        self.router.address("wan0", plan.router_wan)?;
        self.wan.address("eth0", plan.wan_host)?;
        for space in [&self.lan, &self.second] {
            space.ip(&[
                "route",
                "add",
                "default",
                "via",
                &plan.router_lan.to_string(),
            ])?;
        }
        if plan.nat == Nat::Routed {
            let via = plan.router_wan.to_string();
            self.wan.ip(&["route", "add", "default", "via", &via])?;
        }
        self.router
            .run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])
            .map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Logs are kept for whoever looks into a failed test; after a good run nobody misses them.
            let _ = fs::remove_dir_all(&self.scratch);
        }
    }
}

/// Whether this process may make network namespaces, which in the lab means that it runs as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Says loudly that a test is skipped, and returns `true`, unless this process is root.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen by the person who runs the tests"
)]
pub fn skip_unless_root(test: &str) -> bool {
    if is_root() {
        return false;
    }
    eprintln!("SKIPPED (needs root): {test}");
    true
}

/// Says that a part of a test is left out, and why.
#[allow(
    clippy::print_stderr,
    reason = "a test that does not run must say so, and only standard error reaches the user"
)]
pub fn say_skipped(test: &str, why: &str) {
    eprintln!("SKIPPED ({why}): {test}");
}
