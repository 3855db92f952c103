//! What is attached to both ends of the cable, by the kernel's own account.

use std::io;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE};

/// Everything that a run of the program could leave behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces(Vec<String>);

impl Traces {
    /// What is there now.
    pub(crate) fn of(cable: &Cable) -> io::Result<Self> {
        let mut traces = Vec::new();
        for end in [End::Near, End::Far] {
            let space = cable.end(end);
            let qdiscs = space.run(&["tc", "qdisc", "show", "dev", INTERFACE])?;
            let link = space.run(&["ip", "-d", "link", "show", "dev", INTERFACE])?;
            let xdp = link.lines().filter(|line| line.contains("xdp"));
            traces.extend([qdiscs, cable.tcx_programs(end)?]);
            traces.extend(xdp.map(str::to_owned));
        }
        Ok(Self(traces))
    }

    /// Checks that nothing was added.
    pub(crate) fn still_hold(&self, cable: &Cable) -> io::Result<String> {
        let now = Self::of(cable)?;
        if now == *self {
            Ok("clean".to_owned())
        } else {
            Err(io::Error::other(format!("{now:?} instead of {self:?}")))
        }
    }
}

/// Checks that the successor of a killed run finds and removes what that left.
pub(crate) fn after_a_kill(cable: &Cable) -> io::Result<String> {
    let mut killed = cable.watch(End::Near, Hook::Auto)?;
    let id = killed.process().id().to_string();
    Command::new("kill").args(["-KILL", &id]).status()?;
    drop(killed);
    cable.watch(End::Near, Hook::Auto)?.finish()?;
    let (tcx, filters) = (
        cable.tcx_programs(End::Near)?,
        cable.clsact_filters(End::Near)?,
    );
    if filters == [0, 0] && ["none", "0 0"].contains(&&*tcx) {
        Ok("clean, after a kill too".to_owned())
    } else {
        Err(io::Error::other(format!(
            "after a kill: {filters:?}, TCX {tcx}"
        )))
    }
}
