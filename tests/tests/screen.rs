//! The real program on a real terminal: typed at, resized, ended in every way, and the terminal clean afterwards.
//!
//! tmux is the terminal. Each test has a server of its own, which ends with it. Nothing here waits for a fixed time: a
//! screen is looked at until it shows what it must, or a limit is over.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rtspscope_tests::cable::{Cable, End};
use rtspscope_tests::wait::LIMIT;
use rtspscope_tests::{cable, lab, program, tools};

/// A terminal with a shell in it.
struct Terminal {
    server: String,
    directory: std::path::PathBuf,
}

impl Terminal {
    /// Opens one of a size; `None`, and a word about it, where there is no tmux.
    fn open(name: &str, size: (u16, u16)) -> io::Result<Option<Self>> {
        let tmux = Command::new("tmux").arg("-V").output().ok();
        if tools::or_skip(name, "tmux", tmux)?.is_none() {
            return Ok(None);
        }
        let directory =
            std::env::temp_dir().join(format!("rtspscope-screen-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let terminal = Self {
            server: format!("rtspscope-{}-{name}", std::process::id()),
            directory,
        };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let shell = "env -i PATH=\"$PATH\" LANG=C.UTF-8 TERM=\"$TERM\" PS1='ready$ ' sh";
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            shell,
        ])?;
        terminal.wait_for("ready$")?;
        terminal.write(&format!("cd {}", terminal.directory.display()))?;
        Ok(Some(terminal))
    }

    fn tmux(&self, args: &[&str]) -> io::Result<String> {
        let output = Command::new("tmux")
            .args(["-L", &self.server])
            .args(args)
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "tmux {args:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Types a line and Enter.
    fn write(&self, line: &str) -> io::Result<()> {
        self.tmux(&["send-keys", "-l", line])?;
        self.press("Enter")
    }

    fn press(&self, key: &str) -> io::Result<()> {
        self.tmux(&["send-keys", key]).map(drop)
    }

    fn screen(&self) -> io::Result<String> {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Looks until the screen shows a text, and returns it.
    fn wait_for(&self, text: &str) -> io::Result<String> {
        self.wait_until(text, |screen| screen.contains(text))
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> io::Result<String> {
        let begun_at = Instant::now();
        loop {
            let screen = self.screen()?;
            if holds(&screen) {
                return Ok(screen);
            }
            if begun_at.elapsed() > LIMIT {
                return Err(io::Error::other(format!("never shown: {what}\n{screen}")));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether the terminal is as a shell wants it: no other screen, no raw mode, cursor and mouse as before.
    fn assert_clean(&self) -> io::Result<()> {
        let flags = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_button_flag}";
        let flags = self.tmux(&["display-message", "-p", flags])?;
        assert_eq!(flags.trim(), "0 1 0 0", "alternate screen, cursor, mouse");
        self.write("stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo | tr '\\n' ' '")?;
        self.wait_until("echo and line mode", |screen| {
            screen.lines().any(|line| {
                line.contains("icanon") && line.contains("echo") && !line.contains("grep")
            })
        })?;
        Ok(())
    }

    /// The process of the program in the terminal.
    fn process(&self) -> io::Result<String> {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"])?;
        let mut process = shell.trim().to_owned();
        // The shell's child, and its child: tmux, sh, env, program.
        loop {
            let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
            let Some(child) = children.split_whitespace().next() else {
                return Ok(process);
            };
            child.clone_into(&mut process);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.tmux(&["kill-server"]);
        let _removed = fs::remove_dir_all(&self.directory);
    }
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/golden");

/// The command that watches a golden capture.
fn watching(name: &str, options: &str) -> io::Result<String> {
    let binary = program::binary()?.display();
    Ok(format!(
        "{binary} watch {options} {GOLDEN}/{name}.lan.pcap {GOLDEN}/{name}.wan.pcap; echo status $?"
    ))
}

#[test]
fn a_user_types_resizes_saves_and_leaves_a_clean_terminal() -> io::Result<()> {
    let Some(terminal) = Terminal::open("types", (80, 24))? else {
        return Ok(());
    };
    terminal.write(&watching("K-alg-owrt-conflict", "")?)?;
    terminal.wait_for("alg-reply-not-restored")?;
    terminal.press("j")?;
    terminal.press("d")?;
    let screen = terminal.wait_for("change 1 of 1")?;
    assert!(
        screen.contains("9998-9999") && screen.contains("10000-10001"),
        "{screen}"
    );
    terminal.tmux(&["resize-window", "-x", "40", "-y", "12"])?;
    terminal.wait_until("a smaller screen", |screen| {
        screen.lines().count() <= 12 && screen.contains("5 NAT diff") && screen.contains("q back")
    })?;
    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"])?;
    terminal.wait_for("outside the router: WAN #25")?;
    terminal.press("s")?;
    terminal.wait_for("to: session-2.pcapng")?;
    terminal.press("Enter")?;
    terminal.wait_for("frames to session-2.pcapng")?;
    let saved = terminal.directory.join("session-2.pcapng");
    let report = program::analyze(&[&saved.to_string_lossy()])?;
    assert_eq!(report.sessions().len(), 1);
    assert_eq!(report.sessions()[0]["alg"]["action"], "rewrite");
    terminal.press("q")?;
    terminal.press("q")?;
    terminal.wait_for("status 0")?;
    terminal.assert_clean()
}

/// What comes through a pipe cannot be read again: it was kept.
#[test]
fn a_session_that_came_through_a_pipe_is_saved() -> io::Result<()> {
    let Some(terminal) = Terminal::open("pipe", (80, 24))? else {
        return Ok(());
    };
    let binary = program::binary()?.display();
    let capture = format!("{GOLDEN}/A-vlc-ffmpeg-udp.lan.pcap");
    terminal.write(&format!("cat {capture} | {binary} watch -; echo status $?"))?;
    terminal.wait_for("capture-incomplete")?;
    terminal.press("s")?;
    terminal.wait_for("to: session-1.pcapng")?;
    terminal.press("Enter")?;
    terminal.wait_for("frames to session-1.pcapng")?;
    let saved = terminal.directory.join("session-1.pcapng");
    let whole = program::analyze(&[&capture])?;
    let again = program::analyze(&[&saved.to_string_lossy()])?;
    let [whole, again] = [&whole, &again].map(|report| {
        assert_eq!(report.sessions().len(), 1);
        report.sessions()[0]["media"][0]["arrivals"][0]["rtp"]["packets"].as_u64()
    });
    assert!(whole > Some(100), "{whole:?}");
    assert_eq!(again, whole);
    terminal.press("q")?;
    terminal.wait_for("status 0")?;
    terminal.assert_clean()
}

#[test]
fn a_signal_gives_the_terminal_back() -> io::Result<()> {
    for signal in ["TERM", "INT", "HUP"] {
        let Some(terminal) = Terminal::open(signal, (80, 24))? else {
            return Ok(());
        };
        terminal.write(&watching("A-gst-gst-udp-nopunch", "--speed 0.1")?)?;
        terminal.wait_for("replay")?;
        let process = terminal.process()?;
        let killed = Command::new("kill")
            .args(["-s", signal, &process])
            .status()?;
        assert!(killed.success());
        terminal.wait_for("status 143")?;
        terminal.assert_clean()?;
    }
    Ok(())
}

#[test]
fn a_terminal_that_vanishes_ends_the_program() -> io::Result<()> {
    let Some(terminal) = Terminal::open("gone", (80, 24))? else {
        return Ok(());
    };
    // With the hang-up ignored nothing but the terminal itself tells.
    let command = watching("A-gst-gst-udp-nopunch", "--speed 0.1")?;
    terminal.write(&format!("trap '' HUP; {command}"))?;
    terminal.wait_for("replay")?;
    let process = terminal.process()?;
    let name = || fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    assert_eq!(name(), "rtspscope\n");
    terminal.tmux(&["kill-server"])?;
    let begun_at = Instant::now();
    while name() == "rtspscope\n" {
        if begun_at.elapsed() > LIMIT {
            // Not left behind by a failed test.
            Command::new("kill")
                .args(["-s", "KILL", &process])
                .status()?;
            return Err(io::Error::other("it goes on without a terminal"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn every_kind_of_terminal_shows_the_cause_and_comes_back_clean() -> io::Result<()> {
    for (name, settings, shown) in [
        ("vt100", "TERM=vt100", "x 257 RTP packets were sent"),
        ("linux", "TERM=linux", "x 257 RTP packets were sent"),
        ("screen", "TERM=screen", "✗ 257 RTP packets were sent"),
        (
            "tmux",
            "TERM=tmux-256color NO_COLOR=1",
            "✗ 257 RTP packets were sent",
        ),
        (
            "xterm",
            "TERM=xterm-256color LANG=C",
            "x 257 RTP packets were sent",
        ),
    ] {
        let Some(terminal) = Terminal::open(name, (80, 24))? else {
            return Ok(());
        };
        terminal.write(&format!("export {settings}"))?;
        terminal.write(&watching("A-gst-gst-udp-nopunch", "")?)?;
        terminal.wait_for(shown)?;
        if settings.contains("NO_COLOR") || name == "vt100" {
            let painted = terminal.tmux(&["capture-pane", "-p", "-e"])?;
            assert!(!is_coloured(&painted), "{name} shows colours: {painted:?}");
        }
        terminal.press("q")?;
        terminal.wait_for("status 0")?;
        terminal.assert_clean()?;
    }
    Ok(())
}

/// Whether a text with escape sequences sets a colour; 39 and 49 take colours back (ECMA-48 §8.3.117).
fn is_coloured(painted: &str) -> bool {
    painted.split("\u{1b}[").skip(1).any(|rest| {
        let parameters = rest.split('m').next().unwrap_or_default();
        parameters
            .split(';')
            .filter_map(|parameter| parameter.parse::<u8>().ok())
            .any(|number| matches!(number, 30..=38 | 40..=48 | 90..=107))
    })
}

#[test]
fn an_idle_screen_takes_less_than_a_hundredth_of_a_core() -> io::Result<()> {
    let Some(terminal) = Terminal::open("idle", (80, 24))? else {
        return Ok(());
    };
    terminal.write(&watching("K-alg-owrt-conflict", "")?)?;
    terminal.wait_for("alg-reply-not-restored")?;
    let process = terminal.process()?;
    let ticks = || -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        // utime and stime, fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
        Ok(fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum())
    };
    let before = ticks()?;
    thread::sleep(Duration::from_secs(4));
    let used = ticks()? - before;
    assert!(used <= 4, "{used} hundredths of a second in 4 s");
    Ok(())
}

#[test]
fn a_live_screen_tells_what_the_kernel_programs_cost() -> io::Result<()> {
    if lab::skip_unless_root("a_live_screen_tells_what_the_kernel_programs_cost") {
        return Ok(());
    }
    let Some(terminal) = Terminal::open("live", (100, 40))? else {
        return Ok(());
    };
    let cable = Cable::new()?;
    cable.set_addresses()?;
    let within = cable.end(End::Near).exec_prefix().join(" ");
    let binary = program::binary()?.display();
    let interface = cable::INTERFACE;
    terminal.write(&format!("{within} {binary} watch --lan {interface}"))?;
    terminal.wait_for("Sessions")?;
    terminal.press("7")?;
    let datagram = "echo one > /dev/udp/10.77.0.1/9";
    cable.end(End::Far).run(&["bash", "-c", datagram])?;
    terminal.wait_for("ns a packet on average")?;
    terminal.press("q")?;
    terminal.wait_for("q quit")?;
    terminal.press("q")?;
    terminal.wait_for("ready$")?;
    Ok(())
}
