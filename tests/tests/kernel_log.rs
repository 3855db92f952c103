//! The kernel programs speak when they are asked to, and only then.

use std::io;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::wait::LIMIT;

/// What the program wrote to standard error while a player talked to a camera.
fn errors_of_a_session(words: &[&str]) -> io::Result<String> {
    let cable = Cable::new()?;
    cable.set_addresses()?;
    let mut watch = cable.watch_with(End::Near, words, Hook::Auto)?;
    let mut camera = cable.start_script(End::Far, "exchange.py", &["camera"])?;
    camera.wait_until("serving", LIMIT, |camera| {
        camera.output().contains("serving")
    })?;
    cable.run_script(End::Near, "exchange.py", &["player"])?;
    let process = watch.process();
    process.interrupt(LIMIT)?;
    Ok(process.errors())
}

#[test]
fn a_recognised_connection_is_told_with_v() -> io::Result<()> {
    if skip_unless_root("a_recognised_connection_is_told_with_v") {
        return Ok(());
    }
    let errors = errors_of_a_session(&["--lan", INTERFACE, "-v"])?;
    let told = "rtspscope: kernel: RTSP from ::ffff:10.77.0.1 port ";
    assert_eq!(errors.matches(told).count(), 1, "{errors}");
    Ok(())
}

#[test]
fn nothing_is_told_without_v() -> io::Result<()> {
    if skip_unless_root("nothing_is_told_without_v") {
        return Ok(());
    }
    assert_eq!(errors_of_a_session(&["--lan", INTERFACE])?, "");
    Ok(())
}
