//! Programs of others that tests look with.

use std::io;
use std::path::Path;

use crate::lab;

/// The first of these programs that is on the path.
pub fn first_of(names: &[&'static str]) -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| {
        let mut directories = std::env::split_paths(&path);
        directories.any(|directory| directory.join(name).is_file())
    };
    names.iter().find(is_there).copied()
}

/// What was found, or that the test is skipped. As root on Debian nothing excuses a tool that is lacking, because
/// `cargo xtask setup --lab` installs it.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen by the person who runs the tests"
)]
pub fn or_skip<T>(test: &str, tool: &str, found: Option<T>) -> io::Result<Option<T>> {
    if found.is_some() {
        return Ok(found);
    }
    if lab::is_root() && Path::new("/usr/bin/dpkg-query").exists() {
        let what = format!("{tool} is lacking: cargo xtask setup --lab installs it");
        return Err(io::Error::other(what));
    }
    eprintln!("SKIPPED (needs {tool}): {test}");
    Ok(None)
}

/// The path of a program of this package that stands beside the one that runs.
pub fn beside(name: &str) -> io::Result<String> {
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .map(|place| place.join(name))
        .find(|path| path.is_file());
    let path = found.ok_or_else(|| io::Error::other(format!("{name} is not built")))?;
    Ok(path.to_string_lossy().into_owned())
}
