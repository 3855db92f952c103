//! `doctor`: what this machine can do for a live run, what limits it, and what to do about each.
//!
//! What can be tried is tried rather than looked up: the kernel programs are loaded and attached to the loopback of a
//! network namespace that lives as long as the trial. Nothing of the machine is changed. What only root may look at is
//! said to be unknown to anyone else.

mod conntrack;
mod firewall;
mod kernel;
mod output;
mod packages;
mod permissions;
mod programs;
mod resources;

use rtspscope_wire::Timestamp;
use serde::Serialize;

use crate::machine::{self, Machine, Task};
use crate::router_setup;

pub(crate) use output::{json, text};

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Pass,
    /// It works in part, or hides something.
    Limited,
    /// This user cannot look at it.
    Unknown,
    /// A live run needs it, and it is not there.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What kind of thing it is.
    pub section: &'static str,
    /// What was looked at.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Check {
    fn new(
        section: &'static str,
        name: impl Into<String>,
        status: Status,
        found: impl Into<String>,
    ) -> Self {
        Self {
            section,
            name: name.into(),
            status,
            found: found.into(),
            remedy: None,
        }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// All that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// Version of this shape.
    pub schema_version: u32,
    /// The program's version.
    pub version: &'static str,
    /// What the system calls itself.
    pub system: String,
    /// The router that this machine is, where it is one.
    pub router: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// The processor.
    pub processor: &'static str,
    /// Whether a live run is possible: `yes`, `limited` or `no`.
    pub live: &'static str,
    /// What was looked at.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// Whether a live run is possible at all.
    pub(crate) fn can_run(&self) -> bool {
        self.live != "no"
    }
}

/// Looks at everything, and tries the kernel programs also on the named interfaces.
pub(crate) fn diagnose(interfaces: &[String]) -> Diagnosis {
    let machine = Machine::this();
    let packages = packages::Packages::of(&machine);
    let setup = router_setup::read(&machine, Timestamp::default());
    let mut checks = Vec::new();
    checks.extend(kernel::checks(&machine));
    checks.extend(permissions::checks(&machine));
    checks.extend(programs::checks(interfaces, packages));
    let sockets = programs::packet_sockets();
    let has_sockets = sockets.status == Status::Pass;
    checks.push(sockets);
    checks.extend(conntrack::checks(&machine, &setup, packages));
    checks.extend(firewall::checks(&setup, packages));
    checks.extend(resources::checks(&machine));
    let live = verdict(&checks, has_sockets);
    Diagnosis {
        schema_version: 1,
        version: env!("CARGO_PKG_VERSION"),
        system: machine.title(),
        router: machine::as_router(Task::Elsewhere).and_then(|named| named.machine),
        kernel: kernel::release(&machine),
        processor: std::env::consts::ARCH,
        live,
        checks,
    }
}

/// Whether a live run is possible. Packet sockets stand in for kernel programs, but not for an interface that was asked
/// for and cannot be tapped.
fn verdict(checks: &[Check], has_sockets: bool) -> &'static str {
    let is_missing = |check: &&Check| check.status == Status::Missing;
    let asked_for = checks.iter().filter(|check| check.name.starts_with("on "));
    let lacks_interface = asked_for.filter(is_missing).count() > 0;
    match checks.iter().map(|check| check.status).max() {
        Some(Status::Missing) if lacks_interface || !has_sockets => "no",
        Some(Status::Missing | Status::Limited | Status::Unknown) => "limited",
        Some(Status::Pass) | None => "yes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_sockets_stand_in_for_kernel_programs_and_for_no_interface() {
        let check = |name: &str, status| Check::new("kernel programs", name, status, "");
        let loading = check("loading", Status::Missing);
        assert_eq!(verdict(std::slice::from_ref(&loading), false), "no");
        assert_eq!(verdict(std::slice::from_ref(&loading), true), "limited");
        let interface = check("on wan0", Status::Missing);
        assert_eq!(verdict(&[loading, interface], true), "no");
        assert_eq!(verdict(&[check("loading", Status::Pass)], true), "yes");
    }
}
