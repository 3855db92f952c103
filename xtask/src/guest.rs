//! A guest of QEMU with one of Debian's kernels, in which a shell script runs as root.
//!
//! The guest's root is this machine's own, read-only over 9p and overlaid with memory: whatever is built and installed
//! here runs there under the other kernel, and nothing that it does stays. Only its directory of results is shared for
//! writing. The processor is emulated (TCG), so that it works where virtual machines cannot nest.

mod archive;
pub(crate) mod debian;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt,
    process::{announce, on_path, output_of},
    workspace::{Workspace, machine},
};
use archive::Archive;
use debian::Kernel;

/// Debian's packages: the emulator, the shell of the first file system, and what reads kernel modules.
const PACKAGES: [&str; 4] = ["qemu-system-x86", "busybox-static", "kmod", "xz-utils"];

/// The programs that they bring.
const PROGRAMS: [&str; 4] = [EMULATOR, "busybox", "modprobe", "xz"];

const EMULATOR: &str = "qemu-system-x86_64";

/// What the first file system needs to reach this machine's root; modules come in this order.
const BOOT_MODULES: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/// Memory of a guest in MiB.
const MEMORY_MIB: &str = "1024";

/// Time between two looks at whether the guest has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A guest that has not started yet.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    /// The kernel that it boots.
    pub(crate) kernel: &'a Kernel,
    /// Where its results go; the payload sees it as `/run/out`.
    pub(crate) out: &'a Path,
    /// Lines of shell that run as root; the guest ends with them.
    pub(crate) payload: &'a str,
    /// Further words for the emulator, such as network cards.
    pub(crate) devices: &'a [String],
    /// Longest time until the guest has ended.
    pub(crate) limit: Duration,
}

/// Brings the emulator, or says in one line what is lacking.
pub(crate) fn ensure() -> Result<()> {
    if machine() != "x86_64" {
        bail!(
            "guests are for x86_64 machines only, and this one is {}",
            machine()
        );
    }
    let absent = || absent_of(&PROGRAMS, |program| on_path(program).is_some());
    if !absent().is_empty() && apt::may_install() {
        apt::update();
        apt::install(&PACKAGES)?;
    }
    match complaint(&absent()) {
        Some(complaint) => bail!("{complaint}"),
        None => Ok(()),
    }
}

fn absent_of<'a>(programs: &[&'a str], here: impl Fn(&str) -> bool) -> Vec<&'a str> {
    programs
        .iter()
        .copied()
        .filter(|program| !here(program))
        .collect()
}

/// What to say where programs are lacking.
fn complaint(absent: &[&str]) -> Option<String> {
    let packages = PACKAGES.join(" ");
    (!absent.is_empty()).then(|| {
        format!(
            "guests need {}, which this machine lacks: apt-get install {packages}",
            absent.join(", ")
        )
    })
}

impl Guest<'_> {
    /// Boots the guest and returns when it has ended; its console is in `console.log` of its results.
    pub(crate) fn run(&self) -> Result<()> {
        let console = self.out.join("console.log");
        fs::write(self.out.join("payload.sh"), self.script())
            .with_context(|| format!("cannot write to {}", self.out.display()))?;
        let initramfs = self.out.join("initramfs");
        fs::write(&initramfs, first_file_system(self.kernel)?)?;
        let child = self
            .emulator(&initramfs)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&console)?)
            .stderr(fs::File::create(self.out.join("emulator.log"))?)
            .spawn()
            .context("cannot start the emulator")?;
        let ended = wait(child, self.limit)?;
        fs::remove_file(initramfs)?;
        if !ended {
            bail!(
                "the guest did not end within {} s; its console: {}",
                self.limit.as_secs(),
                console.display()
            );
        }
        Ok(())
    }

    /// The payload with what every payload needs around it.
    fn script(&self) -> String {
        format!(
            "{}{}\n{}",
            include_str!("guest/before.sh")
                .replace("MODULES", &self.kernel.modules.to_string_lossy()),
            self.payload,
            include_str!("guest/after.sh")
        )
    }

    fn emulator(&self, initramfs: &Path) -> Command {
        let share = |id: &str, path: &Path, options: &str| {
            [
                "-fsdev".to_owned(),
                format!(
                    "local,id={id},path={},security_model=none,{options}",
                    path.display()
                ),
                "-device".to_owned(),
                format!("virtio-9p-pci,fsdev={id},mount_tag={id}"),
            ]
        };
        let mut command = Command::new("nice");
        command
            .args(["-n", "10", EMULATOR])
            .args(["-accel", "tcg", "-cpu", "max"])
            .args(["-M", "q35", "-m", MEMORY_MIB])
            .args([
                "-nodefaults",
                "-no-reboot",
                "-display",
                "none",
                "-serial",
                "stdio",
            ])
            .args(["-append", "console=ttyS0 quiet panic=-1 no_timer_check"])
            .arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(initramfs)
            .args(share("host", Path::new("/"), "readonly=on,multidevs=remap"))
            .args(share("out", self.out, "multidevs=remap"))
            .args(self.devices);
        command
    }
}

/// Waits for the end of the emulator; after `limit` it is ended, and the answer is no.
fn wait(mut child: Child, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// An empty directory for the results of a guest.
pub(crate) fn results(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let directory = home(workspace).join("runs").join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

/// Where guests' kernels and results are kept.
fn home(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target/guests")
}

/// The initramfs: a shell, the modules that reach this machine's root, and the script that changes over to it.
fn first_file_system(kernel: &Kernel) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for directory in [
        "bin", "modules", "proc", "sys", "dev", "host", "memory", "root",
    ] {
        archive.directory(directory);
    }
    let shell = on_path("busybox").context("busybox is not installed")?;
    archive.file("bin/busybox", &fs::read(shell)?);
    archive.file("init", include_bytes!("guest/init.sh"));
    for (place, module) in kernel.modules_for(&BOOT_MODULES)?.iter().enumerate() {
        archive.file(&format!("modules/{place:02}.ko"), &uncompressed(module)?);
    }
    Ok(archive.finish())
}

/// The contents of a kernel module, unpacked where Debian packs it.
fn uncompressed(module: &Path) -> Result<Vec<u8>> {
    if module.extension().is_none_or(|extension| extension != "xz") {
        return Ok(fs::read(module)?);
    }
    let output = Command::new("xz").arg("-dc").arg(module).output()?;
    if !output.status.success() {
        bail!("cannot unpack {}", module.display());
    }
    Ok(output.stdout)
}

/// The version of the emulator, for the head of a table.
pub(crate) fn emulator_version() -> String {
    let text = output_of(Command::new(EMULATOR).arg("--version")).unwrap_or_default();
    text.lines().next().unwrap_or("QEMU").to_owned()
}

/// Says which guest starts.
pub(crate) fn announce_start(kernel: &Kernel, what: &str) {
    announce(&format!("booting Linux {} for {what}", kernel.release));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_emulator_is_told_in_one_line() {
        let absent = absent_of(&PROGRAMS, |program| program != EMULATOR);
        let told = complaint(&absent).expect("one is lacking");
        assert_eq!(
            told,
            "guests need qemu-system-x86_64, which this machine lacks: \
             apt-get install qemu-system-x86 busybox-static kmod xz-utils"
        );
        assert_eq!(complaint(&absent_of(&PROGRAMS, |_| true)), None);
    }

    #[test]
    fn a_payload_that_hangs_is_ended() {
        let child = Command::new("sleep")
            .arg("1000")
            .spawn()
            .expect("sleep starts");
        assert!(!wait(child, Duration::ZERO).expect("it can be ended"));
        let child = Command::new("true").spawn().expect("true starts");
        assert!(wait(child, Duration::from_mins(1)).expect("it ends by itself"));
    }
}
