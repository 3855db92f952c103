//! Running a binary of another machine: as it is where this machine is of its kind, else by qemu-user.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{packages, target::Target};
use crate::{
    process::{announce, on_path},
    workspace::Workspace,
};

/// Debian's package of all emulators, statically linked.
const PACKAGE: &str = "qemu-user-static";

/// How the binaries of a target are run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// As they are.
    Native,
    /// By an emulator that pretends to be this processor.
    Emulated(PathBuf, &'static str),
}

impl Runner {
    /// Finds out how, and brings the emulators where they are lacking.
    pub(crate) fn find(workspace: &Workspace, target: &Target) -> Result<Self> {
        if Target::of_this_machine() == Some(target) {
            return Ok(Self::Native);
        }
        let (program, processor) = target.emulator;
        if let Some(emulator) = here(workspace, program) {
            return Ok(Self::Emulated(emulator, processor));
        }
        announce(&format!("fetching {PACKAGE}"));
        packages::unpack(workspace, PACKAGE, &unpacked(workspace))?;
        let emulator = here(workspace, program)
            .with_context(|| format!("{program} is needed (Debian: {PACKAGE})"))?;
        Ok(Self::Emulated(emulator, processor))
    }

    /// The beginning of a command that runs a binary.
    pub(crate) fn command(&self, binary: &Path) -> Command {
        match self {
            Self::Native => Command::new(binary),
            Self::Emulated(emulator, processor) => {
                let mut command = Command::new(emulator);
                command.args(["-cpu", processor]).arg(binary);
                command
            }
        }
    }

    /// What to call it in a table.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Native => "native".to_owned(),
            Self::Emulated(_, processor) => (*processor).to_owned(),
        }
    }
}

fn unpacked(workspace: &Workspace) -> PathBuf {
    packages::home(workspace).join(PACKAGE)
}

/// The emulator on the path or among the unpacked ones, by its own name or as the static one.
fn here(workspace: &Workspace, program: &str) -> Option<PathBuf> {
    let static_name = format!("{program}-static");
    let own = unpacked(workspace).join("usr/bin").join(&static_name);
    on_path(program)
        .or_else(|| on_path(&static_name))
        .or_else(|| own.is_file().then_some(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_needs_no_emulator_for_its_own_kind() {
        let Some(target) = Target::of_this_machine() else {
            return;
        };
        let runner = Runner::find(&Workspace::locate(), target).expect("nothing to find");
        assert_eq!(runner, Runner::Native);
        assert_eq!(runner.command(Path::new("/x")).get_program(), "/x");
    }

    #[test]
    fn an_emulator_is_told_the_processor_first() {
        let runner = Runner::Emulated(PathBuf::from("qemu-mips"), "24Kc");
        let command = runner.command(Path::new("/x"));
        assert_eq!(
            command.get_args().collect::<Vec<_>>(),
            ["-cpu", "24Kc", "/x"]
        );
    }
}
