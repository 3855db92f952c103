//! `watch --bundle`: a live run hands on what `analyze --bundle` would make of its recording, whoever it goes on as and
//! whatever becomes of its other files, and says before it begins where it cannot.

#[path = "bundle/evidence.rs"]
#[expect(dead_code, reason = "it reads bundles for other tests too")]
mod evidence;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use evidence::Bundle;
use rtspscope_tests::lab::watch::{Watch, Watched};
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;
use serde_json::Value;

const CLIENT: &str = env!("CARGO_BIN_EXE_lab-client");
const CAMERA: &str = env!("CARGO_BIN_EXE_lab-camera");

/// The user that every Linux has and that owns nothing.
const NOBODY: u32 = 65_534;

/// A client that waits in silence, behind a router that lets nothing in.
fn play(lab: &Lab) -> io::Result<()> {
    let mut camera = lab.spawn(Host::Wan, "camera", &[CAMERA, "--port", "554"])?;
    camera.wait_listening(554, LIMIT)?;
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let command = [CLIENT, "--url", &url, "--patience-ms", "1500"];
    lab.spawn(Host::Lan, "client", &command)?
        .wait_end(LIMIT)
        .map(drop)
}

/// A place for a bundle that is not there yet.
fn new_place(lab: &Lab) -> PathBuf {
    lab.scratch().join("bundle")
}

fn watch(lab: &Lab, place: &Path, options: &[&str]) -> io::Result<Watch> {
    let place = place.to_string_lossy();
    Watch::start_as(
        lab,
        "watch",
        &[],
        &[&["--bundle", &*place], options].concat(),
    )
}

/// The same for a run that ends before it begins; what it says.
fn refused(lab: &Lab, place: &Path, options: &[&str]) -> io::Result<String> {
    let place = place.to_string_lossy();
    let binary = program::binary()?.to_string_lossy();
    let words = [
        &*binary, "watch", "--lan", "lan0", "--no-tui", "--bundle", &*place,
    ];
    let mut run = lab.spawn(Host::Router, "refused", &[&words[..], options].concat())?;
    let status = run.wait_end(LIMIT)?;
    assert_eq!((status.code(), &*run.output()), (Some(2), ""));
    Ok(run.errors())
}

/// Code, session, medium and summary of each finding.
fn findings(report: &Value) -> BTreeSet<[String; 4]> {
    let findings = report["findings"].as_array().expect("a list").iter();
    findings
        .map(|finding| ["code", "session", "media", "summary"].map(|key| finding[key].to_string()))
        .collect()
}

fn names(place: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(place)?.map(|entry| {
        let name = entry?.file_name();
        Ok(name.to_string_lossy().into_owned())
    });
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

const FILES: [&str; 4] = ["evidence.pcapng", "report.html", "report.json", "report.md"];

/// The bundle has all its files, the live run's findings, and says the same again when its frames are read.
fn says_what_was_seen(place: &Path, live: &Watched) -> io::Result<Bundle> {
    assert_eq!(names(place)?, FILES);
    let bundle = Bundle::read(place)?;
    assert_eq!(findings(&bundle.report()?), findings(live.report.value()));
    let replayed = program::analyze(&[&bundle.pcapng()])?;
    assert_eq!(findings(replayed.value()), findings(live.report.value()));
    let told = live
        .complaints
        .lines()
        .filter(|line| line.contains("evidence.pcapng holds "));
    assert_eq!(told.count(), 1, "{}", live.complaints);
    Ok(bundle)
}

/// The frames with what is told of them, without the name of their file.
fn told(bundle: &Bundle) -> Vec<(&[u8], &str)> {
    let frames = bundle.frames.iter();
    frames
        .map(|frame| {
            let (_, what) = frame.comment.split_once(" frame ").expect("a number");
            (&frame.bytes[..], what)
        })
        .collect()
}

#[test]
fn a_live_run_hands_on_what_analyze_makes_of_its_recording() -> io::Result<()> {
    if lab::skip_unless_root("a_live_run_hands_on_what_analyze_makes_of_its_recording") {
        return Ok(());
    }
    for backend in ["ebpf", "afpacket"] {
        let lab = Lab::new(&Plan::default())?;
        let place = new_place(&lab);
        let watch = watch(&lab, &place, &["--backend", backend])?;
        play(&lab)?;
        let live = watch.finish()?;
        assert!(live.report.codes().contains("nat-no-pinhole"), "{backend}");
        let bundle = says_what_was_seen(&place, &live)?;
        let path = lab.scratch().join("again");
        let recording = live.recording.to_string_lossy();
        let words = ["analyze", &*recording, "--bundle", &*path.to_string_lossy()];
        assert_eq!(program::run(&words)?.status, Some(0));
        let again = Bundle::read(&path)?;
        assert_eq!(told(&bundle), told(&again), "{backend}");
        let proved = bundle
            .frames
            .iter()
            .filter(|frame| frame.comment.contains("Proves "));
        assert!(proved.count() >= 4, "{backend}");
        let setup = |frame: &&evidence::Frame| frame.comment.contains("SETUP request, CSeq");
        let at: BTreeSet<&str> = bundle
            .frames
            .iter()
            .filter(setup)
            .filter_map(|frame| frame.comment.split_once(" frame "))
            .map(|(tap, _)| tap)
            .collect();
        assert_eq!(at, BTreeSet::from(["lan0", "wan0"]), "{backend}");
    }
    Ok(())
}

/// The recording is moved away and begun anew under way, as a log's rotation does it.
#[test]
fn a_hang_up_takes_nothing_from_the_bundle() -> io::Result<()> {
    if lab::skip_unless_root("a_hang_up_takes_nothing_from_the_bundle") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let place = new_place(&lab);
    let mut watch = watch(&lab, &place, &[])?;
    play(&lab)?;
    let recording = lab.scratch().join("watch.pcapng");
    fs::rename(&recording, lab.scratch().join("old.pcapng"))?;
    let id = watch.process().id().to_string();
    Command::new("kill").args(["-HUP", &id]).status()?;
    watch
        .process()
        .wait_until("a new recording", LIMIT, |_| recording.exists())?;
    play(&lab)?;
    let live = watch.finish()?;
    assert_eq!(live.report.sessions().len(), 2);
    says_what_was_seen(&place, &live).map(drop)
}

#[test]
fn another_user_fills_a_new_directory_and_one_of_its_own() -> io::Result<()> {
    if lab::skip_unless_root("another_user_fills_a_new_directory_and_one_of_its_own") {
        return Ok(());
    }
    for made_before in [false, true] {
        let lab = Lab::new(&Plan::default())?;
        let place = new_place(&lab);
        if made_before {
            fs::create_dir(&place)?;
            chown(&place, Some(NOBODY), Some(NOBODY))?;
        }
        let watch = watch(&lab, &place, &["--user", "nobody"])?;
        play(&lab)?;
        let live = watch.finish()?;
        says_what_was_seen(&place, &live)?;
        for name in FILES {
            assert_eq!(fs::metadata(place.join(name))?.uid(), NOBODY, "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_place_that_another_user_cannot_write_to_is_told_before_the_run() -> io::Result<()> {
    if lab::skip_unless_root("a_place_that_another_user_cannot_write_to_is_told_before_the_run") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let place = new_place(&lab);
    fs::create_dir(&place)?;
    let line = |place: &Path| {
        format!(
            "rtspscope: {}: user nobody cannot write there: permission denied: choose a place that it may write to, or leave the \
             directory to be made\n",
            place.display()
        )
    };
    assert_eq!(refused(&lab, &place, &["--user", "nobody"])?, line(&place));
    // One that root makes where the user cannot go.
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700))?;
    let below = place.join("below");
    assert_eq!(refused(&lab, &below, &["--user", "nobody"])?, line(&below));
    assert_eq!(names(&place)?, [""; 0]);
    Ok(())
}

/// Without the screen root keeps no right to write where others may.
#[test]
fn a_directory_of_another_user_is_refused_to_root_without_its_power() -> io::Result<()> {
    if lab::skip_unless_root("a_directory_of_another_user_is_refused_to_root_without_its_power") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let place = new_place(&lab);
    fs::create_dir(&place)?;
    chown(&place, Some(NOBODY), Some(NOBODY))?;
    let line = format!(
        "rtspscope: {}: cannot write: permission denied: choose a place that you may write to\n",
        place.display()
    );
    assert_eq!(refused(&lab, &place, &[])?, line);
    Ok(())
}

#[test]
fn what_is_there_is_not_written_over_and_a_missing_place_is_told() -> io::Result<()> {
    if lab::skip_unless_root("what_is_there_is_not_written_over_and_a_missing_place_is_told") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let place = new_place(&lab);
    let below = place.join("below");
    let line = format!(
        "rtspscope: {}: cannot write: no such file or directory: create its directory first\n",
        below.display()
    );
    assert_eq!(refused(&lab, &below, &[])?, line);
    fs::create_dir(&place)?;
    fs::write(place.join("report.md"), "mine")?;
    let line = format!(
        "rtspscope: {}: is not empty, and nothing is written over: name a directory that does not exist yet\n",
        place.display()
    );
    assert_eq!(refused(&lab, &place, &[])?, line);
    assert_eq!(fs::read_to_string(place.join("report.md"))?, "mine");
    Ok(())
}

/// A disk of a few kilobytes, taken away with this.
struct Disk(PathBuf);

impl Disk {
    fn of_kilobytes(place: PathBuf, count: u32) -> io::Result<Self> {
        fs::create_dir(&place)?;
        let size = format!("size={count}k");
        let mut mount = Command::new("mount");
        let status = mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&place)
            .status()?;
        assert!(status.success());
        Ok(Self(place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _gone = Command::new("umount").arg(&self.0).status();
    }
}

/// The run goes on to its end, with its report and its recording on another disk.
#[test]
fn a_full_disk_costs_the_bundle_and_nothing_else() -> io::Result<()> {
    if lab::skip_unless_root("a_full_disk_costs_the_bundle_and_nothing_else") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let disk = Disk::of_kilobytes(lab.scratch().join("disk"), 8)?;
    let place = disk.0.join("bundle");
    let mut watch = watch(&lab, &place, &[])?;
    for _ in 0..2 {
        play(&lab)?;
    }
    let run = watch.process();
    assert_eq!(run.interrupt(LIMIT)?.code(), Some(2));
    let shown = place.display();
    let errors = run.errors();
    let lines: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains("no space left"))
        .collect();
    let [under_way, at_the_end] = lines[..] else {
        panic!("one line under way and one at the end: {errors}")
    };
    let told = "cannot write: no space left on device: free some space or choose another place";
    assert_eq!(
        under_way,
        format!("rtspscope: --bundle: {shown}: {told}; it keeps what came before")
    );
    // Which of the files finds no room any more depends on how much was kept.
    let file = at_the_end.strip_prefix(&format!("rtspscope: {shown}/"));
    let file = file.and_then(|line| line.strip_suffix(&format!(": {told}")));
    assert!(file.is_some_and(|file| FILES.contains(&file)), "{errors}");
    assert_eq!(names(&disk.0)?, [""; 0]);
    let output = run.output();
    let last: Value = serde_json::from_str(output.lines().last().expect("a report"))?;
    assert_eq!(
        (&last["type"], last["sessions"].as_array().map(Vec::len)),
        (&"report".into(), Some(2))
    );
    let recording = lab.scratch().join("watch.pcapng");
    let replay = program::analyze(&[&recording.to_string_lossy()])?;
    assert_eq!(findings(replay.value()), findings(&last));
    Ok(())
}
