//! What is given up is tried for, in a thread of its own, which alone gives it up.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::*;

/// Runs work in a thread that has given up all but the files in `place`, and tells what the sandbox said.
fn within<T: Send>(place: &Path, work: impl FnOnce(&str) -> T + Send) -> T {
    let rest = Rest {
        reads: Some(vec![place.join("read")]),
        writes: vec![place.join("out/new")],
        ..Rest::default()
    };
    thread::scope(|scope| {
        let thread = scope.spawn(|| work(&enter(&rest).unwrap()));
        thread.join().unwrap()
    })
}

fn place(name: &str) -> PathBuf {
    let place =
        std::env::temp_dir().join(format!("rtspscope-sandbox-{}-{name}", std::process::id()));
    fs::create_dir_all(place.join("out")).unwrap();
    fs::write(place.join("read"), "to be read").unwrap();
    fs::write(place.join("secret"), "not to be read").unwrap();
    place
}

fn refused<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[test]
fn only_named_files_are_within_reach_and_no_port() {
    let place = place("files");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    within(&place, |told| {
        if !told.contains("(Landlock)") {
            println!("only_named_files_are_within_reach_and_no_port: skipped, {told}");
            return;
        }
        assert_eq!(
            fs::read_to_string(place.join("read")).unwrap(),
            "to be read"
        );
        assert!(refused(fs::read_to_string(place.join("secret"))));
        assert!(refused(File::create(place.join("read"))));
        assert!(refused(File::create(place.join("other"))));
        fs::write(place.join("out/new"), "written").unwrap();
        fs::rename(place.join("out/new"), place.join("out/old")).unwrap();
        fs::write(place.join("out/new"), "anew").unwrap();
        assert!(refused(TcpListener::bind("127.0.0.1:0")));
        assert!(refused(TcpStream::connect(address)));
        assert!(fs::read_to_string("/proc/self/status").is_ok());
    });
    // The others of this process are as they were.
    assert!(fs::read_to_string(place.join("secret")).is_ok());
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn no_program_is_started_and_no_namespace_entered() {
    let place = place("calls");
    within(&place, |told| {
        if !told.contains("(seccomp)") {
            println!("no_program_is_started_and_no_namespace_entered: skipped, {told}");
            return;
        }
        assert!(refused(Command::new("/bin/true").status()));
        // SAFETY: no memory is passed.
        let result = unsafe { libc::unshare(libc::CLONE_NEWUTS) };
        assert_eq!(
            (result, io::Error::last_os_error().raw_os_error()),
            (-1, Some(libc::EPERM))
        );
    });
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn no_capability_is_left_in_any_set() {
    let place = place("capabilities");
    let status = within(&place, |_| {
        fs::read_to_string("/proc/thread-self/status").unwrap()
    });
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(
            status.contains(&format!("{set}:\t0000000000000000\n")),
            "{status}"
        );
    }
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn an_unknown_user_is_told() {
    let failure = User::named("no-such-user").unwrap_err().to_string();
    assert!(
        failure.starts_with("--user no-such-user: no such user: "),
        "{failure}"
    );
    assert_eq!(User::named("root").unwrap().name(), "root");
}
