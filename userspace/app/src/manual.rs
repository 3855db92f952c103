//! The manual page: one page for the program, with a chapter for each command, made from the definition of the command
//! line, and the words on formats, environment, exit status and examples that no flag has.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::failure::Failure;

/// Name and meaning of the formats, beyond what the flag's help has room for.
const FORMATS: [(&str, &str); 5] = [
    (
        "text",
        "For reading: the verdict first, then why, the proof and what to do. Several sessions begin with a list. It is \
         as wide as the terminal or COLUMNS, 80 columns in a pipe.",
    ),
    (
        "json",
        "One object, schema_version 1. A value that is not known is null.",
    ),
    (
        "ndjson",
        "One object per line, each written at once: what is observed, every event, every finding, and at last the \
         whole report.",
    ),
    (
        "markdown",
        "For a ticket or a forum. Nothing that came from the network counts as markup in it.",
    ),
    (
        "html",
        "One page with the ladder of messages on both sides of the router, differences, arrivals and rates. It needs \
         no network and no script.",
    ),
];

/// Variables that change what is shown.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("NO_COLOR", "Where set, --color auto uses no colours."),
    (
        "CLICOLOR_FORCE",
        "Where set and not 0, --color auto uses colours in a pipe too.",
    ),
    (
        "CLICOLOR, TERM",
        "With CLICOLOR=0 or TERM=dumb, --color auto uses no colours.",
    ),
    ("COLUMNS", "Columns of a line of the text report."),
];

/// Exit status and meaning.
const STATUS: [(&str, &str); 3] = [
    ("0", "Done."),
    (
        "1",
        "Done, and there is a finding at least as bad as --fail-on says.",
    ),
    (
        "2",
        "Wrong usage, unreadable input or missing permission; one line on standard error says what, where, and what \
         to do.",
    ),
];

/// Command lines, and what they are for.
const EXAMPLES: [(&str, &str); 6] = [
    (
        "rtspscope analyze --lan lan.pcap --wan wan.pcap",
        "Why there is no picture, from a capture on each side of the router.",
    ),
    (
        "ssh router tcpdump -i wan -U -w - | rtspscope analyze -",
        "From one side, while it is captured.",
    ),
    (
        "rtspscope analyze --format html -o report.html lan.pcap wan.pcap",
        "A page to hand to the ISP.",
    ),
    (
        "rtspscope analyze --fail-on error --format json both.pcapng | jq .findings",
        "In a script.",
    ),
    (
        "rtspscope watch --lan br-lan --wan wan",
        "Live on the router, as root.",
    ),
    (
        "rtspscope watch --no-tui --format ndjson --record seen.pcapng",
        "Live without a screen, and keeping what was seen.",
    ),
];

/// When the words of this file last changed.
const DATE: &str = "2026-11-26";

/// The page in roff.
pub(crate) fn page() -> Result<String, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let whole = Man::new(cli.clone()).date(DATE).manual("User commands");
    let mut out = rendered(|page| {
        whole.render_title(page)?;
        whole.render_name_section(page)
    })?;
    let commands: Vec<&Command> = cli
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .collect();
    out.push_str(".SH SYNOPSIS\n");
    for (index, command) in commands.iter().enumerate() {
        if index > 0 {
            out.push_str(".PP\n");
        }
        let man = Man::new((*command).clone());
        out.push_str(&body(&rendered(|page| man.render_synopsis_section(page))?));
    }
    out.push_str(&rendered(|page| whole.render_description_section(page))?);
    for command in &commands {
        out.push_str(&chapter(command)?);
    }
    for (heading, entries) in [
        ("FORMATS", &FORMATS[..]),
        ("ENVIRONMENT", &ENVIRONMENT),
        ("EXIT STATUS", &STATUS),
        ("EXAMPLES", &EXAMPLES),
    ] {
        out.push_str(&list(heading, entries));
    }
    out.push_str(".SH SEE ALSO\n.BR tcpdump (8),\n.BR pcap\\-filter (7),\n.BR wireshark (1)\n");
    Ok(tidied(&out))
}

/// What a command is for, and its options.
fn chapter(command: &Command) -> Result<String, Failure> {
    let man = Man::new(command.clone());
    let description = body(&rendered(|page| man.render_description_section(page))?);
    let options = rendered(|page| man.render_options_section(page))?;
    let heading = command.get_bin_name().unwrap_or_default().to_uppercase();
    let options = options.replace(".SH OPTIONS", ".SS Options");
    Ok(format!(".SH \"{heading}\"\n{description}{options}"))
}

/// A section without its heading.
fn body(section: &str) -> String {
    let lines = section.lines().filter(|line| !line.starts_with(".SH"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn list(heading: &str, entries: &[(&str, &str)]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
    // Without the preamble, which the page has already.
    roff.to_roff()
}

/// The page as readers of roff like it: its preamble once, no spaces at the ends of lines, and no line break beside what
/// breaks the line anyway.
fn tidied(page: &str) -> String {
    let words = [".sp", ".SH", ".SS", ".PP", ".TP", ".RE"];
    let breaks = |line: &str| line.is_empty() || words.iter().any(|word| line.starts_with(word));
    let mut tidy: Vec<&str> = Vec::new();
    for line in page.lines().map(str::trim_end) {
        let is_preamble = line.starts_with(".ie ") || line.starts_with(".el ");
        if is_preamble && tidy.contains(&line) {
            continue;
        }
        let before = tidy.last().copied().unwrap_or_default();
        if line == ".br" && (breaks(before) || before == ".br") {
            continue;
        }
        if breaks(line) && before == ".br" {
            tidy.pop();
        }
        tidy.push(line);
    }
    tidy.iter().flat_map(|line| [*line, "\n"]).collect()
}

fn rendered(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<String, Failure> {
    let mut page = Vec::new();
    render(&mut page).map_err(|error| Failure::writing("the manual page", &error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
