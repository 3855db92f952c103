//! What the README shows of a terminal is what the program prints.

use std::fs;

use rtspscope_tests::program;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The README's terminals: command and what follows it.
fn terminals() -> Vec<(String, String)> {
    let readme = fs::read_to_string(format!("{ROOT}/README.md")).expect("there is a README");
    let blocks = readme.split("```console\n").skip(1);
    let texts = blocks.filter_map(|block| block.split("\n```").next());
    let commands = texts.flat_map(|text| text.split("$ ").skip(1));
    commands
        .map(|command| {
            let (line, output) = command.split_once('\n').unwrap_or((command, ""));
            (line.to_owned(), output.trim_end().to_owned())
        })
        .collect()
}

/// What the program prints for the arguments, with captures named as from the root of the project.
fn printed(arguments: &str) -> String {
    let captures = format!("{ROOT}/tests/captures/");
    let arguments: Vec<String> = arguments
        .split_whitespace()
        .map(|argument| argument.replace("tests/captures/", &captures))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = program::run(&arguments).expect("the program runs");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    outcome.stdout
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let (command, shown) = terminals().into_iter().next().expect("a terminal");
    let arguments = command
        .strip_prefix("cargo xtask run -- ")
        .expect("the first command runs the program");
    assert_eq!(printed(arguments).trim_end(), shown);
}

#[test]
fn the_report_on_an_alg_is_part_of_what_the_program_prints() {
    let (command, shown) = terminals()
        .into_iter()
        .find(|(command, shown)| {
            command.starts_with("rtspscope analyze --lan") && shown.starts_with('…')
        })
        .expect("a report that is cut out of a longer one");
    let arguments = command
        .strip_prefix("rtspscope ")
        .expect("it runs the program");
    let part = shown.trim_matches(['…', '\n']);
    assert!(part.lines().count() > 10, "{part}");
    assert!(printed(arguments).contains(part), "not printed:\n{part}");
}
