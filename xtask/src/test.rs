//! `test`: everything that this machine can check, in one call, and a plain word on what it could not.

mod summary;

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    build,
    process::{announce, is_root, output_of, skipped},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// The package of the whole-program tests.
const WHOLE_PROGRAM: &str = "rtspscope-tests";

/// Runs all tests; as root the kernel programs and the NAT lab with them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leaves the NAT lab out.
    #[arg(long)]
    no_lab: bool,
    /// What the test programs are given, such as a part of a test's name.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut left_out = Vec::new();
    let ebpf = kernel_is_ready(workspace, &mut left_out)?;
    let lab = lab_is_ready(args, ebpf, &mut left_out);
    // Looked at last: the lab's packages bring libpcap.
    let features = Features::with_ebpf(ebpf);
    build::program(workspace, features, Profile::Debug)?;

    let mut suites = vec![suite(
        workspace,
        features,
        &[
            "--workspace",
            "--exclude",
            "rtsp-ebpf",
            "--exclude",
            WHOLE_PROGRAM,
        ],
    )];
    let targets = whole_program_targets(workspace)?;
    let (lab_targets, other_targets): (Vec<_>, Vec<_>) =
        targets.into_iter().partition(|name| is_lab(name));
    suites.push(whole_program_suite(workspace, &other_targets, true));
    if lab && !lab_targets.is_empty() {
        suites.push(whole_program_suite(workspace, &lab_targets, false));
    }
    let outcome = summary::run_all(suites, &args.args)?;
    for (what, why) in &left_out {
        skipped(what, why);
    }
    announce(&outcome.to_string());
    if !outcome.all_passed() {
        bail!("some tests failed");
    }
    Ok(())
}

/// The test programs of the NAT lab, as one cargo command.
pub(crate) fn lab_suite(workspace: &Workspace) -> Result<Command> {
    let targets: Vec<_> = whole_program_targets(workspace)?
        .into_iter()
        .filter(|name| is_lab(name))
        .collect();
    if targets.is_empty() {
        bail!("{WHOLE_PROGRAM} has no test program whose name starts with `lab`");
    }
    Ok(whole_program_suite(workspace, &targets, false))
}

/// Runs one cargo test command and tells whether all passed.
pub(crate) fn run_suite(suite: Command, args: &[String]) -> Result<()> {
    let outcome = summary::run_all(vec![suite], args)?;
    announce(&outcome.to_string());
    if outcome.all_passed() {
        Ok(())
    } else {
        bail!("some tests failed")
    }
}

/// As root nothing excuses a build without kernel programs; elsewhere it is left out, and said.
fn kernel_is_ready(workspace: &Workspace, left_out: &mut Vec<(&str, String)>) -> Result<bool> {
    match setup::kernel::ensure(workspace) {
        Ok(()) => Ok(true),
        Err(lacking) if is_root() => Err(lacking),
        Err(lacking) => {
            leave_out(left_out, "the kernel programs", format!("{lacking:#}"));
            Ok(false)
        }
    }
}

fn lab_is_ready(args: &Args, ebpf: bool, left_out: &mut Vec<(&str, String)>) -> bool {
    let reason = if args.no_lab {
        "--no-lab".to_owned()
    } else if !is_root() {
        "needs root".to_owned()
    } else if !ebpf {
        "needs the kernel programs".to_owned()
    } else if let Err(lacking) = setup::peers::ensure() {
        format!("{lacking:#}")
    } else {
        return true;
    };
    leave_out(left_out, "the NAT lab and the kernel tests", reason);
    false
}

fn leave_out<'a>(left_out: &mut Vec<(&'a str, String)>, what: &'a str, why: String) {
    skipped(what, &why);
    left_out.push((what, why));
}

fn suite(workspace: &Workspace, features: Features, selection: &[&str]) -> Command {
    let mut cargo = workspace.cargo("test");
    cargo
        .arg("--no-fail-fast")
        .args(selection)
        .args(features.flags())
        .env("RTSPSCOPE_BIN", workspace.program(Profile::Debug));
    cargo
}

fn whole_program_suite(workspace: &Workspace, targets: &[String], with_library: bool) -> Command {
    let mut cargo = workspace.cargo("test");
    cargo.args(["--no-fail-fast", "--package", WHOLE_PROGRAM]);
    cargo.env("RTSPSCOPE_BIN", workspace.program(Profile::Debug));
    if with_library {
        cargo.args(["--lib", "--bins"]);
    }
    for target in targets {
        cargo.args(["--test", target]);
    }
    cargo
}

/// Test programs of the lab are told by their name.
fn is_lab(target: &str) -> bool {
    target.starts_with("lab")
}

fn whole_program_targets(workspace: &Workspace) -> Result<Vec<String>> {
    let mut cargo = workspace.cargo("metadata");
    let text = output_of(cargo.args(["--no-deps", "--format-version", "1"]))
        .context("cargo metadata failed")?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    Ok(test_targets(&metadata, WHOLE_PROGRAM))
}

/// The names of a package's integration tests, in the order of `cargo metadata`.
fn test_targets(metadata: &Value, package: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages
        .filter(|found| found["name"] == package)
        .filter_map(|found| found["targets"].as_array())
        .flatten();
    targets
        .filter(|target| {
            target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "test"))
        })
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_integration_tests_of_the_package_count() {
        let metadata = json!({ "packages": [
            { "name": "other", "targets": [{ "name": "cli", "kind": ["test"] }] },
            { "name": "rtspscope-tests", "targets": [
                { "name": "rtspscope_tests", "kind": ["lib"] },
                { "name": "lab_udp", "kind": ["test"] },
                { "name": "golden", "kind": ["test"] },
            ] },
        ]});
        assert_eq!(
            test_targets(&metadata, WHOLE_PROGRAM),
            ["lab_udp", "golden"]
        );
        assert!(is_lab("lab_udp"));
        assert!(!is_lab("golden"));
    }
}
