//! `docs`: what is made from the code. Pages of the repository are written anew; the manual page and the shell completions
//! become files where packages and installers expect to find them.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    build,
    process::{announce, output_of, run},
    workspace::{Features, Profile, Workspace},
};

/// Shells, and where below `target/docs` each one's completions lie, as below a prefix such as `/usr`.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/rtspscope"),
    ("zsh", "share/zsh/vendor-completions/_rtspscope"),
    ("fish", "share/fish/vendor_completions.d/rtspscope.fish"),
];

/// The manual page's place below the same prefix.
pub(crate) const MANUAL: &str = "share/man/man1/rtspscope.1";

/// Variable that lets the tests that hold the pages of the repository write them instead.
const WRITE: &str = "RTSPSCOPE_WRITE_PAGES";

/// Packages and the tests of them that hold pages: of findings, of keys, of the screen.
const PAGES: [(&str, &str); 3] = [
    ("rtspscope-engine", "the_pages_say_what_the_code_says"),
    ("rtspscope", "the_page_says_what_the_table_says"),
    ("rtspscope", "tui::tests::pages"),
];

/// Writes what is made from the code: pages of findings and keys, the README's screens and a recording, and the manual
/// page and the shell completions in target/docs, laid out as below /usr.
///
/// The tests that hold the pages against the code are what writes them, so that the two cannot differ.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(workspace: &Workspace, _args: &Args) -> Result<()> {
    for (package, tests) in PAGES {
        announce(&format!("pages of {package}: {tests}"));
        let mut command = workspace.cargo("test");
        command.args(["--quiet", "--package", package, tests]);
        run(command.env(WRITE, "1"))?;
    }
    for_packages(workspace)
}

/// A file that the program prints.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Its place below a prefix such as `/usr`.
    pub(crate) place: &'static str,
    pub(crate) text: String,
}

/// The manual page and the shell completions, in the words of a program; `program` begins a command that runs it.
pub(crate) fn printed(program: impl Fn() -> Command) -> Result<Vec<Printed>> {
    let shells = SHELLS.map(|(shell, place)| (vec!["completions", shell], place));
    let asked = shells.into_iter().chain([(vec!["man"], MANUAL)]);
    let ask = |(args, place): (Vec<&str>, &'static str)| {
        let text = output_of(program().args(&args));
        let text = text.with_context(|| format!("rtspscope {} failed", args.join(" ")))?;
        Ok(Printed { place, text })
    };
    asked.map(ask).collect()
}

/// The same as files, for whoever installs by hand.
fn for_packages(workspace: &Workspace) -> Result<()> {
    // What they say does not rest on the kernel programs, so no kernel toolchain is needed.
    build::program(workspace, Features::with_ebpf(false), Profile::Debug)?;
    for Printed { place, text } in printed(|| Command::new(workspace.program(Profile::Debug)))? {
        let path = workspace.target.join("docs").join(place);
        let parent = path.parent().context("every place has a directory")?;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
        announce(&path.display().to_string());
    }
    Ok(())
}
