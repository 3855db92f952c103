//! The commands: each joins a source with a run and gives the exit status.

use std::path::Path;

use clap::CommandFactory;
use rtspscope_capture::{MergedFiles, NamedFile, Recorder, is_one_file};
use rtspscope_engine::advice::{Named, Router};
use rtspscope_engine::{EngineOptions, Input, Retention};
use rtspscope_wire::TapRole;

use crate::bundle::Bundle;
use crate::cli::{
    AnalyzeArgs, BackendChoice, Cli, Command, CommonArgs, DoctorArgs, DoctorFormat, HookChoice,
    LineFormat, ReportFormat, WatchArgs,
};
use crate::doctor;
use crate::failure::Failure;
use crate::live::{self, Backend, Hook, LiveOptions, room};
use crate::machine::{self, Machine, Task};
use crate::manual;
use crate::metrics::{self, Metrics};
use crate::output::analyze::{ReportView, Shape};
use crate::output::complain;
use crate::output::destination::Destination;
use crate::output::explain;
use crate::output::lines::Lines;
use crate::output::privacy::Privacy;
use crate::output::text::Style;
use crate::progress::Progress;
use crate::run::{Filter, Known, Pace, Run, RunOptions, Turn, View};
use crate::sandbox::{self, Capability, Rest, User};
use crate::tui::{Screen, ScreenOptions};

/// Done.
const DONE: u8 = 0;
/// Done, and a finding was as bad as `--fail-on` says.
const FAIL_ON_MET: u8 = 1;
/// Live capture does not work here.
const UNABLE: u8 = 2;

/// Inputs between two looks at the screen and the keyboard.
const INPUTS_PER_TURN: u32 = 4_096;

/// Runs a command to its end and gives the exit status.
pub(crate) fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Analyze(args) => analyze(&args),
        Command::Watch(args) => watch(&args),
        Command::Explain { code, router } => {
            let router = named_router(router, Task::Elsewhere);
            print(&explain::text(code.as_deref(), router.as_ref()))
        }
        Command::Doctor(args) => doctor(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rtspscope", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Command::Man => print(&manual::page()?),
    }
}

fn analyze(args: &AnalyzeArgs) -> Result<u8, Failure> {
    let mut files = named(&[
        (&args.files, TapRole::Unknown),
        (&args.lan, TapRole::Lan),
        (&args.wan, TapRole::Wan),
    ]);
    let common = &args.common;
    keep_inputs(&files, common.output.as_deref())?;
    let bundle = args.bundle.as_deref().map(Bundle::prepare).transpose()?;
    let _kept_input = bundle
        .as_ref()
        .map(|bundle| bundle.spool(&mut files))
        .transpose()?;
    let destination = Destination::new(common.output.as_deref());
    let style = style(&destination, common);
    let privacy = privacy(common);
    let view: Box<dyn View> = match args.format {
        ReportFormat::Text => Box::new(ReportView::new(Shape::Text(style), destination, privacy)),
        ReportFormat::Html => Box::new(ReportView::new(Shape::Html, destination, privacy)),
        ReportFormat::Json => Box::new(ReportView::new(Shape::Json, destination, privacy)),
        ReportFormat::Markdown => {
            let verbose = common.verbose;
            Box::new(ReportView::new(
                Shape::Markdown { verbose },
                destination,
                privacy,
            ))
        }
        ReportFormat::Ndjson => {
            Box::new(Lines::new(LineFormat::Ndjson, destination, privacy, style))
        }
    };
    let reads = files
        .iter()
        .flat_map(|file| [Some(file.path.clone()), file.kept_at.clone()]);
    let reads: Vec<_> = reads.flatten().collect();
    let writes = [&common.output, &args.bundle].into_iter().flatten();
    sandbox::read_only(&reads, &writes.cloned().collect::<Vec<_>>());
    let shows_progress = args.format != ReportFormat::Ndjson;
    let mut options = RunOptions {
        keep_counters: bundle.is_some(),
        ..options(common, None, Task::Elsewhere)?
    };
    options.engine.timelines = args.format == ReportFormat::Html || bundle.is_some();
    let run = Run::new(options, view);
    let known = run_files(&files, run, shows_progress, None)?;
    let status = status(&known, common);
    if let Some(bundle) = bundle {
        let told = bundle.write(&known, &files, filter(common)?, privacy)?;
        complain(&told);
    }
    Ok(status)
}

fn doctor(args: &DoctorArgs) -> Result<u8, Failure> {
    let diagnosis = doctor::diagnose(&args.interfaces);
    print(&if args.json || args.format == DoctorFormat::Json {
        doctor::json(&diagnosis)?
    } else {
        doctor::text(&diagnosis)
    })?;
    Ok(if diagnosis.can_run() { DONE } else { UNABLE })
}

fn watch(args: &WatchArgs) -> Result<u8, Failure> {
    let files = named(&[(&args.files, TapRole::Unknown)]);
    let common = &args.common;
    keep_inputs(&files, common.output.as_deref())?;
    keep_inputs(&files, args.record.as_deref())?;
    keep_apart(args.record.as_deref(), common.output.as_deref())?;
    let live = files.is_empty();
    let view = watch_view(args, &files)?;
    if live {
        return watch_live(args, view);
    }
    let mut options = options(common, args.record.as_deref(), Task::Elsewhere)?;
    options.engine.timelines = !args.no_tui;
    let run = Run::new(options, view);
    let known = run_files(&files, run, false, args.speed.map(Pace::new))?;
    Ok(status(&known, common))
}

fn watch_view(args: &WatchArgs, files: &[NamedFile]) -> Result<Box<dyn View>, Failure> {
    let common = &args.common;
    let mut destination = Destination::new(common.output.as_deref());
    if files.is_empty() {
        // A live run gives up the right to make files of others.
        destination.open()?;
    }
    let style = style(&destination, common);
    let privacy = privacy(common);
    Ok(if args.no_tui {
        Box::new(Lines::new(args.format, destination, privacy, style))
    } else {
        let report = common
            .output
            .is_some()
            .then(|| ReportView::new(Shape::Text(style), destination, privacy));
        let options = ScreenOptions {
            privacy,
            ascii: args.ascii,
            color: common.color,
            files: files.to_vec(),
            replays: args.speed.is_some(),
        };
        Box::new(Screen::new(options, report)?)
    })
}

fn watch_live(args: &WatchArgs, view: Box<dyn View>) -> Result<u8, Failure> {
    let with_role = |names: &[String], role| {
        names
            .iter()
            .map(|name| (name.clone(), role))
            .collect::<Vec<_>>()
    };
    let task = task(args);
    let engine = engine_options(&args.common, task);
    let rest = rest(args)?;
    let prepare = |path| Bundle::prepare_live(path, &rest);
    let bundle = args.bundle.as_deref().map(prepare).transpose()?;
    let live_options = LiveOptions {
        taps: [
            with_role(&args.lan, TapRole::Lan),
            with_role(&args.wan, TapRole::Wan),
        ]
        .concat(),
        mirror: args.mirror.clone(),
        mirror_drop: args.mirror_drop,
        ring_bytes: args
            .ring
            .or_else(|| Some(room::for_memory(Machine::this().memory_kib("MemTotal")))),
        rtsp_ports: engine.rtsp_ports,
        duration: args.duration,
        backend: match args.backend {
            BackendChoice::Auto => Backend::Auto,
            BackendChoice::Ebpf => Backend::Ebpf,
            BackendChoice::Afpacket => Backend::AfPacket,
            BackendChoice::Pcap => Backend::Pcap,
        },
        hook: match args.hook {
            HookChoice::Auto => Hook::Auto,
            HookChoice::Clsact => Hook::Clsact,
        },
        health: !args.no_tui,
        kernel_log: args.common.verbose,
        rest,
    };
    let metrics = args.metrics.map(|_| Metrics::default());
    let mut options = RunOptions {
        number_frames: true,
        retention: Some(Retention::LIVE),
        metrics: metrics.clone(),
        keep_counters: bundle.is_some(),
        backlog: bundle.as_ref().map(Bundle::backlog).transpose()?,
        ..options(&args.common, args.record.as_deref(), task)?
    };
    options.engine.timelines = !args.no_tui || bundle.is_some();
    let mut run = Run::new(options, view);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new("tokio", error, "raise the limit of open files (ulimit -n)")
        })?;
    let ended = runtime.block_on(async {
        if let Some((address, metrics)) = args.metrics.zip(metrics) {
            let listener = metrics::bind(address).await?;
            tokio::spawn(metrics::serve(listener, metrics));
        }
        live::run(&live_options, &mut run).await
    });
    match ended {
        Ok(()) | Err(Failure::UserLeft) => {}
        Err(failure) => return Err(failure),
    }
    let mut known = run.finish()?;
    if let Some((bundle, backlog)) = bundle.zip(known.backlog.take()) {
        complain(&bundle.write_live(&known, backlog, privacy(&args.common))?);
    }
    Ok(status(&known, &args.common))
}

/// What a live run goes on with. At the screen root saves where it likes, so that it keeps the right to.
fn rest(args: &WatchArgs) -> Result<Rest, Failure> {
    let user = args.user.as_deref().map(User::named).transpose()?;
    let saves_as_root = !args.no_tui && user.is_none();
    let writes = [&args.record, &args.common.output, &args.bundle];
    Ok(Rest {
        capabilities: saves_as_root
            .then_some(Capability::DAC_OVERRIDE)
            .into_iter()
            .collect(),
        reads: args.no_tui.then(Vec::new),
        writes: writes.into_iter().flatten().cloned().collect(),
        user,
    })
}

/// Reads all files to their end, or until the user leaves.
fn run_files(
    files: &[NamedFile],
    mut run: Run,
    shows_progress: bool,
    mut pace: Option<Pace>,
) -> Result<Known, Failure> {
    let mut source = MergedFiles::open(files, &mut run)?;
    run.observing()?;
    let mut progress = Progress::new(shows_progress, source.reading());
    let mut until_turn = INPUTS_PER_TURN;
    loop {
        let input = match source.next_ready() {
            Some(frame) => Input::Frame(frame),
            None => match source.next(&mut progress.beside(&mut run))? {
                Some(input) => input,
                None => break,
            },
        };
        while let Some(left) = pace.as_mut().and_then(|pace| pace.left(&input)) {
            if run.turn()? == Turn::Stop {
                return Err(Failure::UserLeft);
            }
            Pace::nap(left);
        }
        run.handle_input(&input)?;
        progress.handle_input(|| source.reading());
        until_turn -= 1;
        if until_turn == 0 {
            until_turn = INPUTS_PER_TURN;
            if run.turn()? == Turn::Stop {
                return Err(Failure::UserLeft);
            }
        }
    }
    progress.finish();
    run.finish()
}

fn named(groups: &[(&[std::path::PathBuf], TapRole)]) -> Vec<NamedFile> {
    let files = groups
        .iter()
        .flat_map(|(paths, role)| paths.iter().map(|path| (path.clone(), *role)));
    let named = files.map(|(path, role)| NamedFile {
        path,
        role,
        kept_at: None,
    });
    named.collect()
}

fn options(common: &CommonArgs, record: Option<&Path>, task: Task) -> Result<RunOptions, Failure> {
    Ok(RunOptions {
        engine: engine_options(common, task),
        filter: filter(common)?,
        recorder: record.map(Recorder::create).transpose()?,
        number_frames: false,
        keep_counters: false,
        backlog: None,
        retention: None,
        metrics: None,
    })
}

fn filter(common: &CommonArgs) -> Result<Option<Filter>, Failure> {
    common.filter.as_deref().map(Filter::new).transpose()
}

/// A live run looks at the router itself where it taps both sides.
fn task(args: &WatchArgs) -> Task {
    let one_side = args.lan.is_empty() != args.wan.is_empty();
    if args.mirror.is_some() || one_side {
        Task::Elsewhere
    } else {
        Task::WatchedLive
    }
}

/// The router that the user named, else this machine where it is one.
fn named_router(named: Option<&'static Router>, task: Task) -> Option<Named> {
    let by_user = named.map(|router| Named {
        router,
        machine: None,
    });
    by_user.or_else(|| machine::as_router(task))
}

fn engine_options(common: &CommonArgs, task: Task) -> EngineOptions {
    let mut options = EngineOptions::default();
    if !common.rtsp_port.is_empty() {
        options.rtsp_ports.clone_from(&common.rtsp_port);
    }
    options.router = named_router(common.router, task);
    options
}

fn privacy(common: &CommonArgs) -> Privacy {
    if common.show_credentials {
        Privacy::Show
    } else {
        Privacy::Redact
    }
}

fn style(destination: &Destination, common: &CommonArgs) -> Style {
    Style {
        width: destination.width(),
        color: destination.wants_color(common.color),
        verbose: common.verbose,
    }
}

fn status(known: &Known, common: &CommonArgs) -> u8 {
    let met = common
        .fail_on
        .is_some_and(|least| known.worst() >= Some(least.severity()));
    if met { FAIL_ON_MET } else { DONE }
}

/// Refuses to write the recording and the report into one file.
fn keep_apart(record: Option<&Path>, output: Option<&Path>) -> Result<(), Failure> {
    let output = output.unwrap_or(Path::new(STANDARD_OUTPUT));
    let Some(record) = record.filter(|record| is_one_file(record, output)) else {
        return Ok(());
    };
    let what = "is to hold the recording and the report";
    Err(Failure::new(
        record.display(),
        what,
        "choose another file for one of them",
    ))
}

/// What standard output leads to.
const STANDARD_OUTPUT: &str = "/dev/stdout";

/// Refuses to write over a capture that is to be read.
fn keep_inputs(files: &[NamedFile], output: Option<&Path>) -> Result<(), Failure> {
    let is_input = |output: &&Path| {
        let mut inputs = files.iter();
        output.exists() && inputs.any(|file| is_one_file(&file.path, output))
    };
    let Some(output) = output.filter(is_input) else {
        return Ok(());
    };
    let what = "is a capture that is to be read";
    Err(Failure::new(
        output.display(),
        what,
        "choose another file to write to",
    ))
}

fn print(text: &str) -> Result<u8, Failure> {
    Destination::new(None).write(text)?;
    Ok(DONE)
}
