//! A program of the lab that cannot outlive its test.
//!
//! It is started through `setpriv --pdeathsig`, so that the kernel ends it when the test's thread ends in any way,
//! and dropping the value ends it too. Both `setpriv` and `ip netns exec` replace themselves by the program, so the
//! process id is the program's own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait;

/// A started program with its output in files.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `prefix` + `command`, with its output in `NAME.out` and `NAME.err` under `logs`.
    pub fn start(prefix: &[&str], command: &[&str], logs: &Path, name: &str) -> io::Result<Self> {
        let stdout = logs.join(format!("{name}.out"));
        let stderr = logs.join(format!("{name}.err"));
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(prefix)
            .args(command)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        Ok(Self {
            child,
            name: name.to_owned(),
            stdout,
            stderr,
        })
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program has printed on standard output so far.
    pub fn output(&self) -> String {
        read_lossy(&self.stdout)
    }

    /// What the program has printed on standard error so far.
    pub fn errors(&self) -> String {
        read_lossy(&self.stderr)
    }

    /// Waits until `condition` holds for the running program; its end is a failure.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        let ended = wait::until(&format!("{}: {what}", self.name), limit, || {
            if condition(self) {
                return Some(None);
            }
            self.child.try_wait().ok().flatten().map(Some)
        })
        .map_err(|error| self.explain(&error.to_string()))?;
        match ended {
            None => Ok(()),
            Some(status) => Err(self.explain(&format!("ended ({status}) before: {what}"))),
        }
    }

    /// Waits until the program's namespace has a TCP socket listening on `port`.
    pub fn wait_listening(&mut self, port: u16, limit: Duration) -> io::Result<()> {
        let tables = ["tcp", "tcp6"].map(|table| format!("/proc/{}/net/{table}", self.id()));
        self.wait_until(&format!("listening on port {port}"), limit, |_| {
            tables
                .iter()
                .any(|table| fs::read_to_string(table).is_ok_and(|text| has_listener(&text, port)))
        })
    }

    /// Waits for the program to end by itself.
    pub fn wait_end(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), limit, || {
            self.child.try_wait().ok().flatten()
        })
        .map_err(|error| self.explain(&error.to_string()))
    }

    /// Asks the program to end as Ctrl-C would, and waits until it has.
    pub fn interrupt(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status()?;
        self.wait_end(limit)
    }

    fn explain(&self, what: &str) -> io::Error {
        io::Error::other(format!(
            "{what}\n{} said:\n{}{}",
            self.name,
            self.output(),
            self.errors()
        ))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a table of `/proc/net/tcp` has a socket in state LISTEN (0A) on `port`.
fn has_listener(table: &str, port: u16) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1).unwrap_or_default();
        let state = fields.nth(1).unwrap_or_default();
        state == "0A" && local.ends_with(&format!(":{port:04X}"))
    })
}

fn read_lossy(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::has_listener;

    #[test]
    fn only_a_listening_socket_counts() {
        let table = "  sl  local_address rem_address   st\n   0: 00000000:022A 00000000:0000 0A 0\n   1: 0A00:1F90 0B00:0001 01 0\n";
        assert!(has_listener(table, 554));
        assert!(!has_listener(table, 8080));
    }
}
