//! The shell scripts of the packages, and those that stand in for OpenWrt's own here.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rtspscope_tests::tools;

use super::{HERE, said};

/// The scripts, below the workspace.
const SCRIPTS: [&str; 11] = [
    "xtask/packaging/debian/postinst",
    "xtask/packaging/debian/prerm",
    "xtask/packaging/debian/postrm",
    "xtask/packaging/openwrt/rtspscope/files/rtspscope.init",
    "xtask/packaging/openwrt/rtspscope/files/rtspscope.hotplug",
    "tests/openwrt/rc.common",
    "tests/openwrt/network.sh",
    "tests/openwrt/uci",
    "tests/systemd/outside.sh",
    "tests/systemd/boot.sh",
    "tests/systemd/inside.sh",
];

fn scripts() -> impl Iterator<Item = PathBuf> {
    SCRIPTS
        .iter()
        .map(|script| Path::new(HERE).join("..").join(script))
}

#[test]
fn shellcheck_finds_nothing() -> io::Result<()> {
    let Some(shellcheck) =
        tools::or_skip("shellcheck", "shellcheck", tools::first_of(&["shellcheck"]))?
    else {
        return Ok(());
    };
    // Routers have the shell of busybox, which is closest to dash.
    let output = Command::new(shellcheck)
        .args(["--shell", "dash"])
        .args(scripts())
        .output()?;
    assert!(output.status.success(), "{}", said(&output));
    Ok(())
}

#[test]
fn shells_can_read_them() -> io::Result<()> {
    for shell in [&["sh"][..], &["busybox", "ash"]] {
        let Some(found) = tools::or_skip(
            "shells_can_read_them",
            shell[0],
            tools::first_of(&[shell[0]]),
        )?
        else {
            continue;
        };
        for script in scripts() {
            let output = Command::new(found)
                .args(&shell[1..])
                .arg("-n")
                .arg(&script)
                .output()?;
            assert!(
                output.status.success(),
                "{}: {}",
                script.display(),
                said(&output)
            );
        }
    }
    Ok(())
}
