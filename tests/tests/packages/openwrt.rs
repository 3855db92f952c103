//! OpenWrt's package: what is in it, and its service as OpenWrt's shell runs it.
//!
//! Neither opkg nor procd is to be had on another system, so the package is unpacked by its own format, and the scripts
//! run under busybox's shell with stand-ins (`tests/openwrt`) for what OpenWrt gives them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rtspscope_tests::{lab, program, tools};

use super::root::Root;
use super::{HERE, package, succeeded, unpack};

/// What it brings, with modes.
const FILES: [(&str, u32); 4] = [
    ("etc/config/rtspscope", 0o600),
    ("etc/hotplug.d/iface/90-rtspscope", 0o644),
    ("etc/init.d/rtspscope", 0o755),
    ("usr/bin/rtspscope", 0o755),
];

/// The four files of settings and scripts of the package and of the feed.
fn expected() -> Vec<(String, u32)> {
    FILES.map(|(place, mode)| (place.to_owned(), mode)).to_vec()
}

/// Unpacks the parts of the package: `control/…` and `data/…`.
fn unpacked(test: &str) -> io::Result<Root> {
    let root = Root::empty(test)?;
    unpack(&package(".ipk")?, &root.at("."))?;
    for part in ["control", "data"] {
        unpack(&root.at(&format!("{part}.tar.gz")), &root.at(part))?;
    }
    Ok(root)
}

/// A router on which the package was unpacked, with networks that are known to it and up.
struct Router {
    root: Root,
}

impl Router {
    fn new(test: &str) -> io::Result<Option<Self>> {
        if lab::skip_unless_root(test) {
            return Ok(None);
        }
        let Some(root) = Root::with_shell(test)? else {
            return Ok(None);
        };
        let parts = Root::empty(&format!("{test}-parts"))?;
        unpack(&package(".ipk")?, &parts.at("."))?;
        unpack(&parts.at("data.tar.gz"), &root.at("."))?;
        for (name, place, mode) in [
            ("rc.common", "etc/rc.common", 0o755),
            ("network.sh", "lib/functions/network.sh", 0o644),
            ("uci", "sbin/uci", 0o755),
        ] {
            let text = fs::read_to_string(Path::new(HERE).join("openwrt").join(name))?;
            root.write(place, &text, mode)?;
        }
        root.write("sbin/logger", "#!/bin/sh\necho \"log $*\"\n", 0o755)?;
        root.write("configured", "lan\nwan\n", 0o644)?;
        let router = Self { root };
        router.up("lan br-lan\nwan pppoe-wan\n")?;
        Ok(Some(router))
    }

    /// Says which networks are up, each with its device.
    fn up(&self, networks: &str) -> io::Result<()> {
        self.root.write("networks", networks, 0o644)
    }

    fn configure(&self, text: &str) -> io::Result<()> {
        self.root.write("etc/config/rtspscope", text, 0o600)
    }

    /// What the init script asks of procd.
    fn start(&self) -> io::Result<String> {
        let mut command = self.root.command("/bin/sh");
        command.env("PATH", "/bin:/sbin").args([
            "/etc/rc.common",
            "/etc/init.d/rtspscope",
            "start",
        ]);
        succeeded(command)
    }
}

/// The settings as they come, switched on.
fn switched_on() -> io::Result<String> {
    let settings = "../xtask/packaging/openwrt/rtspscope/files/rtspscope.config";
    let text = fs::read_to_string(Path::new(HERE).join(settings))?;
    assert!(
        text.contains("option enabled '0'"),
        "nothing is watched unasked"
    );
    Ok(text.replace("option enabled '0'", "option enabled '1'"))
}

/// What follows the taps in all requests.
const REST: &str =
    "respawn <3600> <10> <0>\nstdout <1>\nstderr <1>\nclose\nreload-on <rtspscope>\n";

#[test]
fn it_holds_its_files_and_nothing_else() -> io::Result<()> {
    let root = unpacked("openwrt-files")?;
    let mut files = root.files()?;
    files.retain(|(place, _)| place.starts_with("data/"));
    let files: Vec<_> = files
        .into_iter()
        .map(|(place, mode)| (place["data/".len()..].to_owned(), mode))
        .collect();
    assert_eq!(files, expected());
    assert_eq!(fs::read_to_string(root.at("debian-binary"))?, "2.0\n");
    assert_eq!(
        fs::read_to_string(root.at("control/conffiles"))?,
        "/etc/config/rtspscope\n"
    );
    let control = fs::read_to_string(root.at("control/control"))?;
    let version = format!("Version: {}-r1\n", env!("CARGO_PKG_VERSION"));
    assert!(
        control.starts_with(&format!("Package: rtspscope\n{version}")),
        "{control}"
    );
    let architecture = format!("Architecture: {}\n", std::env::consts::ARCH);
    assert!(control.contains(&architecture), "{control}");
    Ok(())
}

#[test]
fn the_plain_archive_holds_the_same_files() -> io::Result<()> {
    let root = Root::empty("openwrt-archive")?;
    let name = format!("-openwrt-{}.tar.gz", std::env::consts::ARCH);
    unpack(&package(&name)?, &root.at("."))?;
    assert_eq!(root.files()?, expected());
    Ok(())
}

#[test]
fn the_feed_installs_the_same_files() -> io::Result<()> {
    let test = "openwrt-feed";
    let Some(make) = tools::or_skip(test, "make", tools::first_of(&["make"]))? else {
        return Ok(());
    };
    let top = Root::empty(test)?;
    let rules = fs::read_to_string(Path::new(HERE).join("openwrt/openwrt.mk"))?;
    top.write("rules.mk", &rules, 0o644)?;
    for empty in [
        "include/package.mk",
        "feeds/packages/lang/rust/rust-package.mk",
    ] {
        top.write(empty, "", 0o644)?;
    }
    top.write("built/bin/rtspscope", "", 0o755)?;
    let call = |goal: &str| {
        let mut command = Command::new(make);
        command
            .args(["--silent", "--no-print-directory", "-C"])
            .arg(Path::new(HERE).join("../xtask/packaging/openwrt/rtspscope"))
            .arg(format!("TOPDIR={}", top.at("").display()))
            .arg(format!("INCLUDE_DIR={}", top.at("include").display()))
            .arg(format!("PKG_INSTALL_DIR={}", top.at("built").display()))
            .arg(format!("DESTINATION={}", top.at("installed").display()))
            .arg(goal);
        succeeded(command)
    };
    call("install")?;
    let installed: Vec<_> = top
        .files()?
        .into_iter()
        .filter_map(|(place, mode)| Some((place.strip_prefix("installed/")?.to_owned(), mode)))
        .collect();
    assert_eq!(installed, expected());
    assert_eq!(call("conffiles")?, "/etc/config/rtspscope\n");
    Ok(())
}

#[test]
fn nothing_starts_until_it_is_switched_on() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-off")? else {
        return Ok(());
    };
    assert_eq!(router.start()?, "reload-on <rtspscope>\n");
    Ok(())
}

#[test]
fn networks_become_the_devices_that_carry_them() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-on")? else {
        return Ok(());
    };
    router.configure(&switched_on()?)?;
    let asked = router.start()?;
    let command = "command </usr/bin/rtspscope> <watch> <--no-tui> <--format> <ndjson> <--ring> <512k> \
                   <--lan> <br-lan> <--wan> <pppoe-wan>\n";
    assert_eq!(asked, format!("instance <main>\n{command}{REST}"));
    Ok(())
}

#[test]
fn a_network_that_is_down_is_left_out_until_it_is_up() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-down")? else {
        return Ok(());
    };
    router.configure(&switched_on()?)?;
    let told =
        "log -t rtspscope -p daemon.notice network wan is not up: it is watched once it is\n";
    let command = "command </usr/bin/rtspscope> <watch> <--no-tui> <--format> <ndjson> <--ring> <512k> <--lan> <br-lan>\n";

    router.up("lan br-lan\n")?;
    assert_eq!(
        router.start()?,
        format!("{told}instance <main>\n{command}{REST}")
    );

    // With none at all it must not choose by itself.
    router.up("")?;
    let asked = router.start()?;
    assert!(
        asked.ends_with("once it is\nreload-on <rtspscope>\n") && !asked.contains("command"),
        "{asked}"
    );
    Ok(())
}

#[test]
fn devices_and_further_ports_can_be_named() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-devices")? else {
        return Ok(());
    };
    router.configure(
        "config rtspscope 'main'\n\toption enabled '1'\n\tlist lan 'eth1.20'\n\toption ring '2M'\n\toption backend 'afpacket'\n\
         \toption metrics '127.0.0.1:9554'\n\
         \tlist rtsp_port '554'\n\tlist rtsp_port '8554'\n",
    )?;
    let command = "command </usr/bin/rtspscope> <watch> <--no-tui> <--format> <ndjson> <--ring> <2M> <--lan> <eth1.20>\n\
                   +command <--backend> <afpacket>\n\
                   +command <--metrics> <127.0.0.1:9554>\n\
                   +command <--rtsp-port> <554>\n+command <--rtsp-port> <8554>\n";
    assert_eq!(router.start()?, format!("instance <main>\n{command}{REST}"));
    Ok(())
}

#[test]
fn the_program_takes_what_the_service_tells_it() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-program")? else {
        return Ok(());
    };
    router.configure(
        "config rtspscope 'main'\n\toption enabled '1'\n\tlist lan 'no-such-if'\n\tlist rtsp_port '8554'\n",
    )?;
    let asked = router.start()?;
    let lines = asked.lines().filter(|line| line.contains("command"));
    let words = lines.flat_map(|line| line.split(['<', '>']).skip(1).step_by(2));
    let words: Vec<&str> = words.skip(1).collect();
    assert_eq!(words.last(), Some(&"8554"));
    let outcome = program::run(&words)?;
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.starts_with("rtspscope: no-such-if: "),
        "{}",
        outcome.stderr
    );
    Ok(())
}

#[test]
fn a_network_that_comes_up_reloads_a_service_that_is_on() -> io::Result<()> {
    let Some(router) = Router::new("openwrt-hotplug")? else {
        return Ok(());
    };
    let hotplug = |action: &str, enabled: bool| {
        let init = format!(
            "#!/bin/sh\n[ \"$1\" = enabled ] && exit {}\necho \"$1\"\n",
            i32::from(!enabled)
        );
        router.root.write("etc/init.d/rtspscope", &init, 0o755)?;
        let mut command = router.root.command("/bin/sh");
        command.env("ACTION", action).env("INTERFACE", "wan");
        command.arg("/etc/hotplug.d/iface/90-rtspscope");
        succeeded(command)
    };
    assert_eq!(hotplug("ifup", true)?, "reload\n");
    assert_eq!(hotplug("ifup", false)?, "");
    assert_eq!(
        hotplug("ifdown", true)?,
        "",
        "taps hold on to interfaces that come back"
    );
    Ok(())
}

#[test]
fn installing_and_removing_goes_by_openwrts_own_functions() -> io::Result<()> {
    let test = "openwrt-scripts";
    let Some(router) = Router::new(test)? else {
        return Ok(());
    };
    let parts = unpacked("openwrt-scripts-control")?;
    let info = "usr/lib/opkg/info";
    for script in ["postinst", "prerm"] {
        let text = fs::read_to_string(parts.at(&format!("control/{script}")))?;
        router
            .root
            .write(&format!("{info}/rtspscope.{script}"), &text, 0o755)?;
    }
    let functions =
        "default_postinst() { echo \"installed $*\"; }\ndefault_prerm() { echo \"goes $*\"; }\n";
    router.root.write("lib/functions.sh", functions, 0o644)?;
    let run = |script: &str| {
        let place = format!("/{info}/rtspscope.{script}");
        let mut command = router.root.command(&place);
        command.arg("configure");
        succeeded(command)
    };
    assert_eq!(
        run("postinst")?,
        "installed /usr/lib/opkg/info/rtspscope.postinst configure\n"
    );
    assert_eq!(
        run("prerm")?,
        "goes /usr/lib/opkg/info/rtspscope.prerm configure\n"
    );
    // Where an image is put together there may be no such functions yet.
    fs::remove_file(router.root.at("lib/functions.sh"))?;
    symlink("/nowhere", router.root.at("lib/functions.sh"))?;
    assert_eq!(run("postinst")?, "");
    Ok(())
}
