//! The manual page and the shell completions are accepted by the programs that read them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rtspscope_tests::{program, tools};

fn printed(args: &[&str]) -> io::Result<String> {
    let outcome = program::run(args)?;
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    Ok(outcome.stdout)
}

/// Puts what the program prints into a file.
fn placed(args: &[&str], name: &str) -> io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, printed(args)?)?;
    Ok(path)
}

/// The program succeeded and complained about nothing.
fn assert_silent(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn shells_accept_the_completions() -> io::Result<()> {
    for (shell, check) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        let Some(found) = tools::or_skip(
            "shells_accept_the_completions",
            shell,
            tools::first_of(&[shell]),
        )?
        else {
            continue;
        };
        let script = placed(&["completions", shell], &format!("completions.{shell}"))?;
        assert_silent(&Command::new(found).args(check).arg(&script).output()?);
        let text = fs::read_to_string(&script)?;
        for word in ["analyze", "--fail-on", "ndjson", "html"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    Ok(())
}

#[test]
fn bash_completes_commands_and_values() -> io::Result<()> {
    let script = placed(&["completions", "bash"], "completions.sourced.bash")?;
    let complete = |words: &str| -> io::Result<String> {
        let ask = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); \
             _rtspscope rtspscope \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["-c", &ask]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(complete("rtspscope an")?, "analyze");
    assert_eq!(complete("rtspscope analyze --fail-on w")?, "warning");
    assert_eq!(complete("rtspscope analyze --format h")?, "html");
    Ok(())
}

#[test]
fn the_manual_page_has_no_errors() -> io::Result<()> {
    let page = placed(&["man"], "rtspscope.1")?;
    if let Some(mandoc) = tools::or_skip("the_manual_page", "mandoc", tools::first_of(&["mandoc"]))?
    {
        let args = ["-T", "lint", "-W", "warning"];
        let output = Command::new(mandoc).args(args).arg(&page).output()?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert!(output.status.success());
    }
    if let Some(groff) = tools::or_skip("the_manual_page", "groff", tools::first_of(&["groff"]))? {
        let args = ["-man", "-Tutf8", "-wall", "-z"];
        assert_silent(&Command::new(groff).args(args).arg(&page).output()?);
    }
    Ok(())
}

#[test]
fn the_manual_page_tells_every_option_format_status_and_some_examples() -> io::Result<()> {
    let page = printed(&["man"])?.replace('\\', "");
    for heading in [
        "NAME",
        "SYNOPSIS",
        "FORMATS",
        "ENVIRONMENT",
        "EXIT STATUS",
        "EXAMPLES",
        "SEE ALSO",
    ] {
        let quoted = format!(".SH \"{heading}\"\n");
        assert!(
            page.contains(&format!(".SH {heading}\n")) || page.contains(&quoted),
            "{heading}"
        );
    }
    for command in ["analyze", "watch", "explain"] {
        let help = printed(&[command, "--help"])?;
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"));
        for option in options.map(|word| word.trim_end_matches([',', '.', ';', ')'])) {
            assert!(page.contains(option), "{command} {option}");
        }
    }
    for told in [
        "ndjson",
        "markdown",
        "html",
        "NO_COLOR",
        "COLUMNS",
        "tcpdump -i wan -U -w - | rtspscope analyze -",
    ] {
        assert!(page.contains(told), "{told}");
    }
    Ok(())
}
