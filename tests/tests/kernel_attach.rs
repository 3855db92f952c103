//! The tap comes and goes without a trace, and leaves other programs alone.

use std::io;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE, Watch};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;

/// What TCX runs at an end without us.
const NOTHING: &str = "0 0";

fn kill(watch: &mut Watch, signal: &str) -> io::Result<()> {
    let process = watch.process();
    Command::new("kill")
        .args([signal, &process.id().to_string()])
        .status()?;
    process.wait_end(LIMIT).map(drop)
}

fn qdiscs(cable: &Cable) -> io::Result<String> {
    cable
        .end(End::Near)
        .run(&["tc", "qdisc", "show", "dev", INTERFACE])
}

#[test]
fn tcx_is_left_as_it_was_after_each_signal() -> io::Result<()> {
    if skip_unless_root("tcx_is_left_as_it_was_after_each_signal") {
        return Ok(());
    }
    let cable = Cable::new()?;
    for signal in ["-INT", "-TERM", "-KILL"] {
        let mut watch = cable.watch(End::Near, Hook::Auto)?;
        assert_eq!(cable.tcx_programs(End::Near)?, "1 1", "while it runs");
        assert_eq!(cable.clsact_filters(End::Near)?, [0, 0]);
        kill(&mut watch, signal)?;
        assert_eq!(cable.tcx_programs(End::Near)?, NOTHING, "after {signal}");
    }
    Ok(())
}

#[test]
fn clsact_is_left_as_it_was_after_each_signal() -> io::Result<()> {
    if skip_unless_root("clsact_is_left_as_it_was_after_each_signal") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let before = qdiscs(&cable)?;
    for signal in ["-INT", "-TERM"] {
        let mut watch = cable.watch(End::Near, Hook::Clsact)?;
        assert_eq!(cable.clsact_filters(End::Near)?, [1, 1], "while it runs");
        assert_eq!(cable.tcx_programs(End::Near)?, NOTHING);
        kill(&mut watch, signal)?;
        assert_eq!(qdiscs(&cable)?, before, "after {signal}");
    }
    Ok(())
}

#[test]
fn the_next_start_finds_no_leftover_of_a_killed_run() -> io::Result<()> {
    if skip_unless_root("the_next_start_finds_no_leftover_of_a_killed_run") {
        return Ok(());
    }
    let cable = Cable::new()?;
    for _ in 0..2 {
        let mut watch = cable.watch(End::Near, Hook::Clsact)?;
        kill(&mut watch, "-KILL")?;
    }
    assert_eq!(
        cable.clsact_filters(End::Near)?,
        [1, 1],
        "a killed run cannot clean up"
    );
    let watch = cable.watch(End::Near, Hook::Auto)?;
    assert_eq!(cable.clsact_filters(End::Near)?, [0, 0]);
    watch.finish().map(drop)
}

#[test]
fn two_runs_on_one_interface_do_not_detach_each_other() -> io::Result<()> {
    if skip_unless_root("two_runs_on_one_interface_do_not_detach_each_other") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let first = cable.watch(End::Near, Hook::Clsact)?;
    let second = cable.watch(End::Near, Hook::Clsact)?;
    assert_eq!(cable.clsact_filters(End::Near)?, [2, 2]);
    second.finish()?;
    assert_eq!(cable.clsact_filters(End::Near)?, [1, 1]);
    first.finish().map(drop)
}

#[test]
fn another_program_on_the_same_hook_goes_on() -> io::Result<()> {
    for hook in [Hook::Auto, Hook::Clsact] {
        if skip_unless_root("another_program_on_the_same_hook_goes_on") {
            return Ok(());
        }
        let cable = Cable::new()?;
        cable.set_addresses()?;
        let near = cable.end(End::Near);
        near.run(&["tc", "qdisc", "add", "dev", INTERFACE, "clsact"])?;
        for direction in ["ingress", "egress"] {
            // It matches every packet and ends the walk over the hook: the tap must stand before it to see anything.
            let matches_all = ["bpf", "bytecode", "1,6 0 0 4294967295,"];
            let counts = ["action", "mirred", "egress", "mirror", "dev", "lo"];
            let place = ["tc", "filter", "add", "dev", INTERFACE, direction];
            let filter = [&place[..], &matches_all[..], &counts[..]].concat();
            near.run(&filter)?;
        }
        let watch = cable.watch(End::Near, hook)?;
        let mut camera = cable.start_script(End::Far, "exchange.py", &["camera"])?;
        camera.wait_until("serving", LIMIT, |camera| {
            camera.output().contains("serving")
        })?;
        cable.run_script(End::Near, "exchange.py", &["player"])?;
        let report = watch.finish()?;
        assert_eq!(
            report.sessions().len(),
            1,
            "{hook:?}: the tap saw the session"
        );
        for direction in ["ingress", "egress"] {
            let shown = near.run(&["tc", "-s", "filter", "show", "dev", INTERFACE, direction])?;
            assert!(
                shown.contains("mirred"),
                "{hook:?}: the foreign filter is still there:\n{shown}"
            );
            assert!(
                !shown.contains("Sent 0 bytes"),
                "{hook:?}: it saw the packets too:\n{shown}"
            );
        }
    }
    Ok(())
}

/// Lets a player and a camera talk once.
fn converse(cable: &Cable) -> io::Result<()> {
    let mut camera = cable.start_script(End::Far, "exchange.py", &["camera"])?;
    camera.wait_until("serving", LIMIT, |camera| {
        camera.output().contains("serving")
    })?;
    cable
        .run_script(End::Near, "exchange.py", &["player"])
        .map(drop)
}

#[test]
fn an_interface_that_goes_and_comes_back_is_tapped_again() -> io::Result<()> {
    for hook in [Hook::Auto, Hook::Clsact] {
        if skip_unless_root("an_interface_that_goes_and_comes_back_is_tapped_again") {
            return Ok(());
        }
        let cable = Cable::new()?;
        let mut watch = cable.watch(End::Near, hook)?;
        cable.cut()?;
        watch.process().wait_until("it is gone", LIMIT, |process| {
            process.errors().contains("eth0: the interface has gone")
        })?;
        cable.lay()?;
        cable.set_addresses()?;
        watch.process().wait_until("it is back", LIMIT, |process| {
            process
                .errors()
                .contains("eth0: the interface is back and tapped again")
        })?;
        converse(&cable)?;
        assert_eq!(watch.finish()?.sessions().len(), 1, "{hook:?}");
    }
    Ok(())
}

#[test]
fn an_interface_that_goes_for_good_does_not_spoil_the_end() -> io::Result<()> {
    for hook in [Hook::Auto, Hook::Clsact] {
        if skip_unless_root("an_interface_that_goes_for_good_does_not_spoil_the_end") {
            return Ok(());
        }
        let cable = Cable::new()?;
        cable.set_addresses()?;
        let watch = cable.watch(End::Near, hook)?;
        converse(&cable)?;
        cable.cut()?;
        assert_eq!(watch.finish()?.sessions().len(), 1, "{hook:?}");
    }
    Ok(())
}

#[test]
fn a_renamed_interface_stays_tapped() -> io::Result<()> {
    if skip_unless_root("a_renamed_interface_stays_tapped") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let mut watch = cable.watch(End::Near, Hook::Auto)?;
    let near = cable.end(End::Near);
    near.ip(&["link", "set", INTERFACE, "down"])?;
    near.ip(&["link", "set", INTERFACE, "name", "cam0"])?;
    near.ip(&["link", "set", "cam0", "up"])?;
    watch
        .process()
        .wait_until("it is renamed", LIMIT, |process| {
            process
                .errors()
                .contains("eth0: the interface is called cam0 now")
        })?;
    near.ip(&["addr", "add", "10.77.0.1/24", "dev", "cam0"])?;
    let far = cable.end(End::Far);
    far.ip(&["addr", "add", "10.77.0.2/24", "dev", INTERFACE])?;
    converse(&cable)?;
    assert_eq!(watch.finish()?.sessions().len(), 1);
    Ok(())
}

#[test]
fn a_bridge_and_its_port_are_counted_once() -> io::Result<()> {
    if skip_unless_root("a_bridge_and_its_port_are_counted_once") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let near = cable.end(End::Near);
    near.ip(&["link", "add", "br0", "type", "bridge"])?;
    near.ip(&["link", "set", INTERFACE, "master", "br0"])?;
    near.ip(&["link", "set", "br0", "up"])?;
    near.ip(&["addr", "add", "10.77.0.1/24", "dev", "br0"])?;
    let far = cable.end(End::Far);
    far.ip(&["addr", "add", "10.77.0.2/24", "dev", INTERFACE])?;
    let both = ["--lan", "br0", "--lan", INTERFACE];
    let mut watch = cable.watch_with(End::Near, &both, Hook::Auto)?;
    converse(&cable)?;
    let said = watch.process().errors();
    assert!(said.contains("eth0: left out"), "{said}");
    let report = watch.finish()?;
    let taps = report.value()["capture"]["taps"].as_array().map(Vec::len);
    assert_eq!((taps, report.sessions().len()), (Some(1), 1));
    let arrivals = &report.sessions()[0]["media"][0]["arrivals"];
    assert_eq!(arrivals[0]["rtp"]["packets"], 975, "{arrivals}");
    Ok(())
}

#[test]
fn an_unknown_interface_is_told_in_one_line() -> io::Result<()> {
    let outcome = program::run(&["watch", "--lan", "nosuch0", "--no-tui"])?;
    assert_eq!(outcome.status, Some(2));
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("nosuch0: no such interface"),
        "{}",
        outcome.stderr
    );
    Ok(())
}

#[test]
fn a_missing_permission_is_named() -> io::Result<()> {
    if skip_unless_root("a_missing_permission_is_named") {
        return Ok(());
    }
    let binary = program::binary()?.to_string_lossy();
    let bare = [
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--ambient-caps",
        "-all",
    ];
    let output = Command::new("setpriv")
        .args(bare)
        .args([&*binary, "watch", "--lan", "lo", "--no-tui"])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF"),
        "{said}"
    );
    Ok(())
}
