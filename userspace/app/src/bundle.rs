//! `--bundle`: the frames that matter as one pcapng with a comment on each, and the reports beside it, to hand on.
//!
//! Which frames matter is known only when all were seen, and keeping all would not fit in memory. So the captures are read
//! twice: the first time by the engine, the second time by [`collect`] with the [`plan`] that the engine's knowledge gives.
//! A live run records what it sees for that ([`backlog`]). What is kept is redacted as a whole, because a secret may lie across segments, and then written.

mod backlog;
mod checksum;
mod collect;
mod directory;
mod index;
mod limits;
mod pcapng;
mod plan;
mod redact;
mod spool;

use std::io::Write as _;
use std::path::Path;

use rtspscope_engine::{Input, TapInfo};
use rtspscope_wire::{FrameRef, TapId};

use crate::failure::Failure;
use crate::frame::Frame;
use crate::output::html;
use crate::output::json;
use crate::output::markdown;
use crate::output::privacy::Privacy;
use crate::run::{Filter, Known};
use crate::sandbox::Rest;
pub(crate) use backlog::Backlog;
use collect::{Collected, Collector};
use directory::Directory;
use plan::Plan;
use rtspscope_capture::{Host, MergedFiles, NamedFile};

/// Name of the pcapng in the bundle.
pub(crate) const PCAPNG: &str = "evidence.pcapng";
/// Name of the JSON report.
const JSON: &str = "report.json";
/// Name of the Markdown report.
const MARKDOWN: &str = "report.md";
/// Name of the page.
const HTML: &str = "report.html";

/// A frame of the bundle, with why it is in it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    frame: Frame,
    reasons: Vec<Reason>,
}

/// Why a frame is in the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What the frame is, or what it proves.
    text: String,
    /// Index of the finding that it proves.
    proves: Option<usize>,
}

impl Kept {
    fn new(frame: &FrameRef<'_>, reasons: Vec<Reason>) -> Self {
        Self {
            frame: Frame::of(frame),
            reasons,
        }
    }
}

/// A bundle that is to be written.
#[derive(Debug)]
pub(crate) struct Bundle {
    directory: Directory,
}

impl Bundle {
    /// Makes sure that the directory can be written to, before the work.
    pub(crate) fn prepare(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            directory: Directory::open(path)?,
        })
    }

    /// Standard input can be read once only: keeps it in a file without a name, which goes with the program.
    pub(crate) fn spool(&self, files: &mut [NamedFile]) -> Result<Option<std::fs::File>, Failure> {
        spool::standard_input(self.directory.path(), files)
    }

    /// The same for a live run, which goes on with other rights than it begins with. A new directory is given to the user
    /// that it goes on as; one that is there must be writable with those rights.
    pub(crate) fn prepare_live(path: &Path, rest: &Rest) -> Result<Self, Failure> {
        let directory = Directory::open(path)?;
        directory.give_to(rest)?;
        Ok(Self { directory })
    }

    /// Begins to keep what a live run sees.
    pub(crate) fn backlog(&self) -> Result<Backlog, Failure> {
        Backlog::begin(self.directory.path())
    }

    /// Reads the captures again and writes the bundle; says in a line what is in it.
    pub(crate) fn write(
        self,
        known: &Known,
        files: &[NamedFile],
        filter: Option<Filter>,
        privacy: Privacy,
    ) -> Result<String, Failure> {
        let plan = Plan::new(&known.snapshot, privacy);
        let collected = collect(&plan, files, filter)?;
        let context = Context {
            known,
            plan: &plan,
            privacy,
        };
        self.fill(&context, collected, index::Source::Files)
    }

    /// Reads what a live run kept and writes the bundle; says in a line what is in it.
    pub(crate) fn write_live(
        self,
        known: &Known,
        backlog: Backlog,
        privacy: Privacy,
    ) -> Result<String, Failure> {
        let plan = Plan::new(&known.snapshot, privacy);
        let mut collector = Collector::new(&plan);
        let reach = backlog.read(|input| collector.handle_input(input))?;
        let collected = collector.finish();
        let context = Context {
            known,
            plan: &plan,
            privacy,
        };
        self.fill(&context, collected, index::Source::Live(reach))
    }

    fn fill(
        mut self,
        context: &Context<'_>,
        mut collected: Collected,
        source: index::Source,
    ) -> Result<String, Failure> {
        let Context {
            known,
            plan,
            privacy,
        } = *context;
        if privacy == Privacy::Redact {
            redact::redact(&mut collected.frames);
        }
        let index = index::of(&collected, &known.snapshot, source, privacy);
        let report = json::report(&known.snapshot, privacy);
        let text = json::pretty(&json::with_evidence(&report, &index))? + "\n";
        let pages = markdown::report(&known.snapshot, privacy, false) + &markdown::evidence(&index);
        let counters = plan.of_its_flows(&known.counters);
        let channels = plan.of_its_connections(&known.channels);
        self.directory.write(PCAPNG, |file| {
            let counted = pcapng::Counted {
                counters: &counters,
                channels: &channels,
                pictures: &known.pictures,
            };
            pcapng::write(file, &known.snapshot, &collected.frames, &index, &counted)
        })?;
        self.directory
            .write(JSON, |file| file.write_all(text.as_bytes()))?;
        self.directory
            .write(MARKDOWN, |file| file.write_all(pages.as_bytes()))?;
        let page = html::report(&known.snapshot, privacy);
        self.directory
            .write(HTML, |file| file.write_all(page.as_bytes()))?;
        let place = self.directory.path().display().to_string();
        self.directory.finish()?;
        Ok(format!("{place}: {}", index.told()))
    }
}

/// What all files of a bundle are made of.
struct Context<'a> {
    known: &'a Known,
    plan: &'a Plan,
    privacy: Privacy,
}

/// Reads the captures again, as the first time.
fn collect(
    plan: &Plan,
    files: &[NamedFile],
    mut filter: Option<Filter>,
) -> Result<Collected, Failure> {
    let mut host = Again::default();
    let mut source = MergedFiles::open(files, &mut host)?;
    let mut collector = Collector::new(plan);
    while let Some(input) = source.next(&mut host)? {
        if let (Input::Frame(frame), Some(filter)) = (&input, &mut filter)
            && !filter.matches(frame)
        {
            continue;
        }
        collector.handle_input(&input);
    }
    Ok(collector.finish())
}

/// Numbers taps as the engine did; the user was told all the rest the first time.
#[derive(Debug, Default)]
struct Again {
    taps: u16,
}

impl Host for Again {
    fn open_tap(&mut self, _info: TapInfo) -> TapId {
        let tap = TapId(self.taps);
        self.taps = self.taps.saturating_add(1);
        tap
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}
