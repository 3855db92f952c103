//! A bundle writes over nothing and leaves nothing half written.

use std::fs;
use std::io;
use std::process::Command;

use rtspscope_tests::lab;

use super::evidence::{run, scratch};

fn golden() -> [String; 2] {
    ["lan", "wan"].map(|leg| {
        format!(
            "{}/captures/golden/A-gst-ffmpeg-udp.{leg}.pcap",
            env!("CARGO_MANIFEST_DIR")
        )
    })
}

#[test]
fn a_directory_with_files_is_refused_in_one_line() -> io::Result<()> {
    let [lan, wan] = golden();
    let path = scratch("taken");
    fs::create_dir(&path)?;
    fs::write(path.join("report.md"), "mine")?;
    let outcome = run(&path, &[&lan, &wan])?;
    let line = format!(
        "rtspscope: {}: is not empty, and nothing is written over: name a directory that does not exist yet\n",
        path.display()
    );
    assert_eq!(
        (outcome.status, outcome.stderr, outcome.stdout),
        (Some(2), line, String::new())
    );
    assert_eq!(fs::read_to_string(path.join("report.md"))?, "mine");
    assert_eq!(fs::read_dir(&path)?.count(), 1);
    Ok(())
}

#[test]
fn an_empty_directory_is_filled() -> io::Result<()> {
    let [lan, wan] = golden();
    let path = scratch("empty");
    fs::create_dir(&path)?;
    assert_eq!(run(&path, &[&lan, &wan])?.status, Some(0));
    assert_eq!(fs::read_dir(&path)?.count(), 4);
    Ok(())
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_work() -> io::Result<()> {
    let [lan, wan] = golden();
    let path = scratch("missing").join("below");
    let outcome = run(&path, &[&lan, &wan])?;
    let line = format!(
        "rtspscope: {}: cannot write: no such file or directory: create its directory first\n",
        path.display()
    );
    assert_eq!(
        (outcome.status, outcome.stderr, outcome.stdout),
        (Some(2), line, String::new())
    );
    Ok(())
}

#[test]
fn an_unreadable_capture_leaves_no_directory() -> io::Result<()> {
    let path = scratch("unread");
    assert_eq!(run(&path, &["/dev/null"])?.status, Some(2));
    assert!(!path.exists());
    Ok(())
}

#[test]
fn a_full_disk_leaves_nothing_behind() -> io::Result<()> {
    if lab::skip_unless_root("a_full_disk_leaves_nothing_behind") {
        return Ok(());
    }
    let [lan, wan] = golden();
    let disk = scratch("disk");
    fs::create_dir(&disk)?;
    let mount = |program: &str, args: &[&str]| -> io::Result<()> {
        let status = Command::new(program).args(args).arg(&disk).status()?;
        assert!(status.success(), "{program}");
        Ok(())
    };
    mount("mount", &["-t", "tmpfs", "-o", "size=8k", "tmpfs"])?;
    let path = disk.join("new");
    let outcome = run(&path, &[&lan, &wan]);
    let left = fs::read_dir(&disk).map(Iterator::count);
    mount("umount", &[])?;
    let outcome = outcome?;
    let line = format!(
        "rtspscope: {}: cannot write: no space left on device: free some space or choose another place\n",
        path.join("evidence.pcapng").display()
    );
    assert_eq!((outcome.status, outcome.stderr, left?), (Some(2), line, 0));
    Ok(())
}
