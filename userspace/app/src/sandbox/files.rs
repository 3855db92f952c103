//! Files that stay within reach (Landlock, from Linux 5.13), and no new TCP connection or port (from 6.7).

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

/// Rights that the program knows of; an older kernel holds it to those that it has.
const RIGHTS: ABI = ABI::V4;

/// What is read of the machine: its interfaces, routes and limits, its name, and its time zone.
const OF_THE_MACHINE: [&str; 5] = ["/proc", "/sys", "/etc", "/usr/share/zoneinfo", "/dev/fd"];

/// Where output is thrown away, and the terminal.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/tty"];

/// Keeps only these files within reach; says in a few words what came of it.
pub(super) fn restrict(reads: &[PathBuf], writes: &[PathBuf]) -> &'static str {
    match try_restrict(reads, writes) {
        Ok(RulesetStatus::FullyEnforced) => "only its own files (Landlock)",
        Ok(RulesetStatus::PartiallyEnforced) => "only its own files (Landlock, in part)",
        Ok(RulesetStatus::NotEnforced) | Err(_) => "all files (this kernel has no Landlock)",
    }
}

fn try_restrict(reads: &[PathBuf], writes: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(AccessNet::from_all(RIGHTS))?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_write(RIGHTS) | read;
    let of_the_machine = OF_THE_MACHINE.iter().map(Path::new);
    for path in reads.iter().map(PathBuf::as_path).chain(of_the_machine) {
        let rights = if path.is_dir() {
            read
        } else {
            AccessFs::ReadFile.into()
        };
        rules = allow(rules, path, rights)?;
    }
    for path in writes {
        rules = allow(rules, directory_of(path), write)?;
    }
    for path in DEVICES.iter().map(Path::new) {
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::WriteFile)?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Lets a path be used; one that is not there cannot be, and whoever opens it says so. A pipe without a name is in no place,
/// and needs no leave.
fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    rights: landlock::BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    let is_of_a_place = path.metadata().is_ok_and(|of| {
        let kind = of.file_type();
        let is_named_pipe = kind.is_fifo() && path.canonicalize().is_ok();
        kind.is_file() || kind.is_dir() || kind.is_char_device() || is_named_pipe
    });
    match PathFd::new(path) {
        Ok(place) if is_of_a_place => rules.add_rule(PathBeneath::new(place, rights)),
        Ok(_) | Err(_) => Ok(rules),
    }
}

/// The directory in which a file is made.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}
