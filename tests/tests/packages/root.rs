//! A root directory of a test's own, in which packages are installed.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rtspscope_tests::tools;

/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// An empty one for a test of this name.
    pub(crate) fn empty(test: &str) -> io::Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("root-{test}"));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// One with a shell and the usual small programs, all of them a static busybox; `None` where there is none.
    pub(crate) fn with_shell(test: &str) -> io::Result<Option<Self>> {
        let found = tools::or_skip(test, "busybox-static", static_busybox())?;
        let Some(busybox) = found else {
            return Ok(None);
        };
        let root = Self::empty(test)?;
        fs::create_dir_all(root.at("bin"))?;
        fs::copy(busybox, root.at("bin/busybox"))?;
        for name in ["sh", "grep", "sed", "rm", "basename", "ln", "readlink"] {
            symlink("busybox", root.at("bin").join(name))?;
        }
        root.write("dev/null", "", 0o666)?;
        Ok(Some(root))
    }

    /// A place in it.
    pub(crate) fn at(&self, place: &str) -> PathBuf {
        self.path.join(place)
    }

    /// Writes a file, with the directories before it.
    pub(crate) fn write(&self, place: &str, contents: &str, mode: u32) -> io::Result<()> {
        let path = self.at(place);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, contents)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    /// A program of this root, run with it as its root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.path).arg(program);
        command
    }

    /// Every file that is no directory, with its mode, sorted; links have the mode 0.
    pub(crate) fn files(&self) -> io::Result<Vec<(String, u32)>> {
        let mut files = Vec::new();
        let mut waiting = vec![self.path.clone()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                let kind = fs::symlink_metadata(&path)?;
                if kind.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let mode = if kind.is_symlink() {
                    0
                } else {
                    kind.permissions().mode() & 0o7777
                };
                let place = path.strip_prefix(&self.path).map_err(io::Error::other)?;
                files.push((place.to_string_lossy().into_owned(), mode));
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A busybox that runs in an empty root.
fn static_busybox() -> Option<PathBuf> {
    let path = ["/usr/bin/busybox", "/bin/busybox"].map(PathBuf::from);
    let is_static = |path: &&PathBuf| {
        fs::read(path).is_ok_and(|bytes| !bytes.windows(4).any(|four| four == b"/ld-"))
    };
    path.iter().find(is_static).cloned()
}
