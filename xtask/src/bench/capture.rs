//! The capture to be read: made by the tests' own generator, with the truth that a report is held against.

use std::{
    fs::{self, File},
    ops::AddAssign,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    process::{on_path, run},
    workspace::{Profile, Workspace},
};

/// Everything random in the capture comes from here.
const SEED: u64 = 3;

/// A capture whose truth is known.
#[derive(Debug)]
pub(crate) struct Capture {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// Frames in it.
    pub(crate) frames: u64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    truth: Totals,
}

/// Counts of RTP over all streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    streams: u64,
    packets: u64,
    lost: u64,
    duplicates: u64,
    reordered: u64,
}

impl AddAssign<&Value> for Totals {
    fn add_assign(&mut self, rtp: &Value) {
        let number = |name: &str| rtp[name].as_u64().unwrap_or(0);
        self.streams += 1;
        self.packets += number("packets");
        self.lost += number("lost");
        self.duplicates += number("duplicates");
        self.reordered += number("reordered");
    }
}

impl Capture {
    /// Makes a capture of about `megabytes` of camera traffic.
    pub(crate) fn make(workspace: &Workspace, directory: &Path, megabytes: u64) -> Result<Self> {
        let file = directory.join(format!("bulk-{megabytes}.pcap"));
        let truth = directory.join(format!("bulk-{megabytes}.json"));
        run(workspace
            .cargo("run")
            .args(Profile::Release.flags())
            .args(["--quiet", "--package", "rtspscope-tests"])
            .args(["--bin", "generate", "--"])
            .arg(format!("bulk:{}", megabytes.saturating_mul(1_000_000)))
            .arg(SEED.to_string())
            .args([&file, &truth]))?;
        let known = File::open(&truth)
            .with_context(|| format!("cannot open {}", truth.display()))
            .and_then(|truth| serde_json::from_reader(truth).context("the truth is not JSON"))?;
        Ok(Self {
            bytes: len_of(&file)?,
            file,
            frames: frames(&known),
            truth: of_truth(&known),
        })
    }

    /// The same capture in the other format; `None` where the program that writes it is not installed.
    pub(crate) fn as_pcapng(&self) -> Result<Option<Self>> {
        let Some(editcap) = on_path("editcap") else {
            return Ok(None);
        };
        let file = self.file.with_extension("pcapng");
        run(Command::new(editcap)
            .args(["-F", "pcapng"])
            .args([&self.file, &file]))?;
        Ok(Some(Self {
            bytes: len_of(&file)?,
            file,
            ..*self
        }))
    }

    /// A report that is fast and wrong is worth nothing: every packet and every loss has to be in it.
    pub(crate) fn check(&self, report: &str) -> Result<()> {
        let report = serde_json::from_str(report).context("the report is not JSON")?;
        let counted = of_report(&report);
        if counted != self.truth {
            bail!(
                "the report has {counted:?}, and the capture {:?}",
                self.truth
            );
        }
        Ok(())
    }
}

fn frames(truth: &Value) -> u64 {
    truth["frames"].as_u64().unwrap_or(0)
}

fn of_truth(truth: &Value) -> Totals {
    let mut totals = Totals::default();
    for stream in list(truth, "streams") {
        totals += stream;
    }
    totals
}

/// RTP of all media of all sessions, at every tap.
fn of_report(report: &Value) -> Totals {
    let media = list(report, "sessions").flat_map(|session| list(session, "media"));
    let arrivals = media.flat_map(|media| list(media, "arrivals"));
    let mut totals = Totals::default();
    for rtp in arrivals.map(|arrival| &arrival["rtp"]) {
        if rtp["packets"].as_u64().is_some_and(|packets| packets > 0) {
            totals += rtp;
        }
    }
    totals
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn len_of(file: &Path) -> Result<u64> {
    let metadata = fs::metadata(file);
    let metadata = metadata.with_context(|| format!("cannot look at {}", file.display()))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_truth_and_a_right_report_add_up_to_the_same() {
        let stream = |packets: u64, lost: u64| json!({ "packets": packets, "lost": lost, "duplicates": 1, "reordered": 2 });
        let truth = json!({ "frames": 99, "streams": [stream(3, 0), stream(4, 1), stream(5, 0)] });
        let arrival = |packets: u64, lost: u64| json!({ "rtp": stream(packets, lost) });
        let report = json!({ "sessions": [
            { "media": [{ "arrivals": [arrival(3, 0), arrival(4, 1)] }, { "arrivals": [] }] },
            { "media": [{ "arrivals": [arrival(5, 0), { "rtp": null }, { "rtp": { "packets": 0 } }] }] },
        ]});
        let totals = Totals {
            streams: 3,
            packets: 12,
            lost: 1,
            duplicates: 3,
            reordered: 6,
        };
        assert_eq!((of_truth(&truth), of_report(&report)), (totals, totals));
        assert_eq!(frames(&truth), 99);
    }
}
