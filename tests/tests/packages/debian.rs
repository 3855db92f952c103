//! Debian's package under Debian's own dpkg, in a root of its own.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use rtspscope_tests::{lab, program, tools};

use super::root::Root;
use super::{package, said, succeeded};

/// What it brings, with modes.
const FILES: [(&str, u32); 9] = [
    ("etc/default/rtspscope", 0o644),
    ("usr/bin/rtspscope", 0o755),
    ("usr/lib/systemd/system/rtspscope.service", 0o644),
    ("usr/share/bash-completion/completions/rtspscope", 0o644),
    ("usr/share/doc/rtspscope/changelog.gz", 0o644),
    ("usr/share/doc/rtspscope/copyright", 0o644),
    ("usr/share/fish/vendor_completions.d/rtspscope.fish", 0o644),
    ("usr/share/man/man1/rtspscope.1.gz", 0o644),
    ("usr/share/zsh/vendor-completions/_rtspscope", 0o644),
];

/// The administrator's own file.
const SETTINGS: &str = "etc/default/rtspscope";

/// dpkg, if this machine has it.
fn dpkg(test: &str) -> io::Result<Option<&'static str>> {
    tools::or_skip(test, "dpkg", tools::first_of(&["dpkg"]))
}

/// The files of the package, unpacked; `None` without dpkg.
pub(crate) fn unpacked(test: &str) -> io::Result<Option<Root>> {
    if dpkg(test)?.is_none() {
        return Ok(None);
    }
    let root = Root::empty(test)?;
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("-x").arg(package(".deb")?).arg(root.at(""));
    succeeded(dpkg)?;
    Ok(Some(root))
}

/// An empty system that dpkg can work on.
fn system(test: &str) -> io::Result<Option<Root>> {
    let Some(root) = Root::with_shell(test)? else {
        return Ok(None);
    };
    for directory in ["info", "updates", "triggers"] {
        fs::create_dir_all(root.at("var/lib/dpkg").join(directory))?;
    }
    root.write("var/lib/dpkg/status", "", 0o644)?;
    Ok(Some(root))
}

fn call(root: &Root, args: &[&str]) -> io::Result<String> {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", root.at("").display()))
        // A root of this size has no ldconfig.
        .arg("--force-bad-path")
        .args(args);
    succeeded(dpkg)
}

/// The files that are not dpkg's own.
fn files(root: &Root) -> io::Result<Vec<(String, u32)>> {
    let mut files = root.files()?;
    files.retain(|(place, _)| !place.starts_with("var/lib/dpkg/"));
    Ok(files)
}

fn with(before: &[(String, u32)], more: &[(&str, u32)]) -> Vec<(String, u32)> {
    let more = more
        .iter()
        .map(|(place, mode)| ((*place).to_owned(), *mode));
    let mut all: Vec<_> = before.iter().cloned().chain(more).collect();
    all.sort();
    all
}

#[test]
fn it_comes_and_goes_without_a_trace() -> io::Result<()> {
    let test = "debian-comes-and-goes";
    if lab::skip_unless_root(test) || dpkg(test)?.is_none() {
        return Ok(());
    }
    let Some(root) = system(test)? else {
        return Ok(());
    };
    let before = files(&root)?;
    let deb = package(".deb")?;
    let deb = deb.to_string_lossy();

    call(&root, &["-i", &deb])?;
    assert_eq!(files(&root)?, with(&before, &FILES));
    let status = call(&root, &["-s", "rtspscope"])?;
    assert!(
        status.contains("Status: install ok installed\n"),
        "{status}"
    );
    assert_eq!(
        call(&root, &["--verify", "rtspscope"])?,
        "",
        "nothing differs from what was packed"
    );
    let version = succeeded({
        let mut installed = Command::new(root.at("usr/bin/rtspscope"));
        installed.arg("--version");
        installed
    })?;
    assert_eq!(version, program::run(&["--version"])?.stdout);

    // A setting survives an update.
    fs::write(root.at(SETTINGS), "RTSPSCOPE_OPTIONS=\"--wan eth0\"\n")?;
    call(&root, &["-i", &deb])?;
    assert_eq!(
        fs::read_to_string(root.at(SETTINGS))?,
        "RTSPSCOPE_OPTIONS=\"--wan eth0\"\n"
    );

    call(&root, &["-r", "rtspscope"])?;
    assert_eq!(
        files(&root)?,
        with(&before, &[(SETTINGS, 0o644)]),
        "only the setting stays"
    );
    call(&root, &["-P", "rtspscope"])?;
    assert_eq!(files(&root)?, before);
    Ok(())
}

#[test]
fn it_says_what_it_is() -> io::Result<()> {
    if dpkg("debian-says-what-it-is")?.is_none() {
        return Ok(());
    }
    let mut dpkg = Command::new("dpkg-deb");
    let fields = ["Package", "Version", "Section", "Priority", "Depends"];
    dpkg.arg("-f").arg(package(".deb")?).args(fields);
    let told = succeeded(dpkg)?;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        told,
        format!("Package: rtspscope\nVersion: {version}\nSection: net\nPriority: optional\n"),
        "a static program depends on nothing"
    );
    Ok(())
}

#[test]
fn the_manual_page_is_found_and_rendered() -> io::Result<()> {
    let test = "debian-manual";
    let man = tools::or_skip(test, "man-db", tools::first_of(&["man"]))?;
    let (Some(man), Some(root)) = (man, unpacked(test)?) else {
        return Ok(());
    };
    let mut command = Command::new(man);
    command
        .env("MANPATH", root.at("usr/share/man"))
        .env("MANWIDTH", "80")
        .env("LC_ALL", "C.UTF-8")
        .args(["--warnings=mac", "-P", "cat", "rtspscope"]);
    let output = command.output()?;
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        said(&output)
    );
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains("rtspscope - Tells why an RTSP camera shows no picture through a router"),
        "{page}"
    );
    Ok(())
}

#[test]
fn each_shell_loads_its_completions() -> io::Result<()> {
    let test = "debian-completions";
    let Some(root) = unpacked(test)? else {
        return Ok(());
    };
    let share = root.at("usr/share");
    let at = |place: &str| share.join(place).display().to_string();
    let asked: [(&str, &[&str], String, &str); 3] = [
        (
            "bash",
            &["--norc", "-c"],
            format!(
                "source {}; complete -p rtspscope | grep -o -- '-F _rtspscope'",
                at("bash-completion/completions/rtspscope")
            ),
            "-F _rtspscope",
        ),
        (
            "zsh",
            &["-f", "-c"],
            format!(
                "fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; autoload +X _rtspscope; \
                 print $_comps[rtspscope]",
                at("zsh/vendor-completions")
            ),
            "_rtspscope",
        ),
        (
            "fish",
            &["--no-config", "-c"],
            format!(
                "set fish_complete_path {}; complete -C 'rtspscope an' | string split -f1 \\t",
                at("fish/vendor_completions.d")
            ),
            "analyze",
        ),
    ];
    // fish asks only of programs that it finds.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::iter::once(root.at("usr/bin")).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(programs).map_err(io::Error::other)?;
    for (shell, args, script, expected) in asked {
        let Some(found) = tools::or_skip(test, shell, tools::first_of(&[shell]))? else {
            continue;
        };
        let output = Command::new(found)
            .args(args)
            .arg(script)
            .env("HOME", root.at(""))
            .env("PATH", &path)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{shell}: {}", said(&output));
        assert_eq!(text.trim_end(), expected, "{shell}");
    }
    Ok(())
}

#[test]
fn licences_are_whole_or_where_debian_keeps_them() -> io::Result<()> {
    let Some(root) = unpacked("debian-licences")? else {
        return Ok(());
    };
    let text = fs::read_to_string(root.at("usr/share/doc/rtspscope/copyright"))?;
    let licence = fs::read_to_string(Path::new(super::HERE).join("../LICENSE-MIT"))?;
    for line in licence
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
    {
        assert!(text.contains(line), "{line}");
    }
    for told in [
        "License: MIT or Apache-2.0",
        "common-licenses/Apache-2.0",
        "common-licenses/GPL-2",
    ] {
        assert!(text.contains(told), "{told}");
    }
    Ok(())
}
