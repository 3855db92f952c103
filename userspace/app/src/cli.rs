//! The command line: one definition per flag, from which help, the manual page and the shell completions are made.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rtspscope_engine::advice::{self, ROUTERS, Router};
use rtspscope_engine::{Code, Severity};

/// Tells why an RTSP camera shows no picture through a router.
///
/// Reads packets from both sides of a router, live or from saved captures, and says what the NAT or its ALG changed,
/// which media never arrived, and what to do about it.
#[derive(Debug, Parser)]
#[command(name = "rtspscope", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_STATUS: &str = "Exit status: 0 done; 1 done, and a finding met --fail-on; 2 wrong usage, unreadable input, \
                           missing permission, or no live capture (doctor).";

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report on saved captures
    ///
    /// Several files are several taps of one path, and so are several interfaces in one pcapng file.
    Analyze(AnalyzeArgs),
    /// Watch a router's interfaces, or look at saved captures, in a terminal
    ///
    /// Without an interface it takes the default route's interface as WAN and the others as LAN, and says so.
    Watch(WatchArgs),
    /// Say what a finding means, what proves it and what to do; without CODE, list all findings
    Explain {
        /// Code of the finding, as reports print it in square brackets; or routers, players or alg.
        #[arg(value_parser = PossibleValuesParser::new(explained()), hide_possible_values = true)]
        code: Option<String>,
        /// Your router, so that the advice names its own menus and commands; on a router it is this machine.
        #[arg(long, value_name = "NAME", value_parser = parse_router)]
        router: Option<&'static Router>,
    },
    /// Tell whether live capture works on this machine, and what limits it
    ///
    /// Loads the kernel programs and attaches them for a moment to a loopback of its own; nothing of the machine is changed.
    /// Ends with status 2 where live capture does not work.
    Doctor(DoctorArgs),
    /// Print shell completions
    Completions {
        /// Shell to print them for.
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub(crate) struct AnalyzeArgs {
    /// Captures (pcap or pcapng); `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present_any = ["lan", "wan"])]
    pub files: Vec<PathBuf>,
    /// Capture taken between the inside hosts and the router.
    #[arg(long, value_name = "FILE")]
    pub lan: Vec<PathBuf>,
    /// Capture taken between the router and the world.
    #[arg(long, value_name = "FILE")]
    pub wan: Vec<PathBuf>,
    /// Shape of the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Also write the frames that matter, each with a comment, and the report to a new directory, to hand on.
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Options that all commands on packets have.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Interfaces to try the kernel programs on as well.
    #[arg(value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Shape of the answer.
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
    /// Short for --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Saved captures (pcap or pcapng) to look at instead of live traffic; `-` is standard input.
    #[arg(value_name = "FILE", conflicts_with_all = ["lan", "wan", "mirror", "duration"])]
    pub files: Vec<PathBuf>,
    /// Interface towards the inside hosts.
    #[arg(long, value_name = "IF", conflicts_with = "mirror")]
    pub lan: Vec<String>,
    /// Interface towards the world.
    #[arg(long, value_name = "IF", conflicts_with = "mirror")]
    pub wan: Vec<String>,
    /// Interface that receives a copy of someone else's traffic.
    #[arg(long, value_name = "IF")]
    pub mirror: Option<String>,
    /// Keep what the mirror port receives from this machine's own network stack; only for a port that gets nothing else.
    #[arg(long, requires = "mirror", conflicts_with_all = ["lan", "wan"])]
    pub mirror_drop: bool,
    /// Room for packets on their way out of the kernel, for example 512k or 8M [default: a 128th of the memory, from 1M to
    /// 8M].
    #[arg(long, value_name = "SIZE", value_parser = parse_ring)]
    pub ring: Option<u32>,
    /// Print a line per event instead of opening the screen.
    #[arg(long)]
    pub no_tui: bool,
    /// Show saved captures at the pace at which they were taken, times this factor, instead of at once.
    #[arg(long, value_name = "FACTOR", value_parser = parse_speed, requires = "files")]
    pub speed: Option<f64>,
    /// Draw the screen with ASCII characters only; without this, as the locale and the terminal allow.
    #[arg(long, conflicts_with = "no_tui")]
    pub ascii: bool,
    /// Shape of the lines.
    #[arg(long, value_enum, default_value_t = LineFormat::Text, requires = "no_tui")]
    pub format: LineFormat,
    /// Write all that is seen to a pcapng file, for `analyze` or Wireshark.
    #[arg(long, value_name = "OUT.pcapng")]
    pub record: Option<PathBuf>,
    /// At the end write the frames that matter, each with a comment, and the report to a new directory, to hand on; for
    /// saved captures use analyze.
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub bundle: Option<PathBuf>,
    /// Who takes the packets from the interfaces.
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto, conflicts_with = "files")]
    pub backend: BackendChoice,
    /// Where in the kernel to look at packets.
    #[arg(long, value_enum, default_value_t = HookChoice::Auto)]
    pub hook: HookChoice,
    /// Show figures to Prometheus at this address, below /metrics.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "files")]
    pub metrics: Option<SocketAddr>,
    /// Go on as this user once interfaces, port and recording are open; it keeps only the capabilities that the backend needs.
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    pub user: Option<String>,
    /// End by itself after this time, for example 30s, 5m or 1h.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Options that all commands on packets have.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Options that all commands on packets have.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Write the report to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Look only at packets that match a tcpdump expression.
    #[cfg_attr(
        not(feature = "pcap"),
        doc = "",
        doc = "This build has no libpcap and refuses it; one with `--features pcap` can."
    )]
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// TCP ports on which a silent, refused or encrypted connection counts as RTSP; plain RTSP is recognised on any.
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub rtsp_port: Vec<u16>,
    /// Your router, so that the advice names its own menus and commands; a wrong name lists the known ones. Without it the
    /// machine itself is asked where it is a router, or forwards between the interfaces that are watched.
    #[arg(long, value_name = "NAME", value_parser = parse_router)]
    pub router: Option<&'static Router>,
    /// Show passwords and Authorization values instead of blanking them.
    #[arg(long)]
    pub show_credentials: bool,
    /// End with status 1 if there is a finding at least this bad.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Whether to colour the output.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Show every message and all evidence; live, also what the kernel programs recognise, cannot read or cannot copy.
    #[arg(short, long)]
    pub verbose: bool,
}

/// Shapes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For reading.
    Text,
    /// One JSON object.
    Json,
    /// One JSON object per line: each event, then the report.
    Ndjson,
    /// For a ticket or a forum.
    Markdown,
    /// One page with pictures, for a browser or on paper; it needs no network and no script.
    Html,
}

/// Shapes of the doctor's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    /// For reading.
    Text,
    /// One JSON object.
    Json,
}

/// Shapes of a line per event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// For reading.
    Text,
    /// One JSON object per line.
    Ndjson,
}

/// Where live capture attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookChoice {
    /// TCX from kernel 6.6 on, the clsact qdisc before.
    Auto,
    /// The clsact qdisc.
    Clsact,
}

/// Who takes the packets from the interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendChoice {
    /// Kernel programs where they work, else packet sockets, and says so.
    Auto,
    /// Kernel programs, which count media where it is.
    Ebpf,
    /// Packet sockets, which copy every packet.
    Afpacket,
    /// libpcap, which copies every packet too.
    Pcap,
}

/// Severity from which a finding counts as failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// No picture, or not for long.
    Error,
    /// Works, but not as it should.
    Warning,
    /// Anything found.
    Info,
}

impl FailOn {
    /// The least severity that counts.
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
        }
    }
}

/// When to colour the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What can be explained: findings and pages.
fn explained() -> impl Iterator<Item = &'static str> {
    let codes = Code::ALL.iter().map(|code| code.name());
    codes.chain(advice::PAGES.iter().map(|page| page.name))
}

/// Finds a router by any of its names.
fn parse_router(name: &str) -> Result<&'static Router, String> {
    advice::router(name).ok_or_else(|| {
        let known: Vec<&str> = ROUTERS.iter().map(|router| router.name).collect();
        format!("known are {}", known.join(", "))
    })
}

/// Sizes that the kernel takes for a ring (a multiple of its pages) and that can be mapped.
const RING_BYTES: RangeInclusive<u32> = 64 << 10..=1 << 30;

/// Reads a size such as `512k` or `8M`, and takes the next power of two, which is what the kernel wants.
fn parse_ring(text: &str) -> Result<u32, String> {
    let complaint = || "use a size from 64k to 1G, for example 512k or 8M".to_owned();
    let digits_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits_len);
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(complaint()),
    };
    let count: u64 = digits.parse().map_err(|_| complaint())?;
    let bytes = count
        .checked_mul(1 << shift)
        .and_then(u64::checked_next_power_of_two);
    bytes
        .and_then(|bytes| u32::try_from(bytes).ok())
        .filter(|bytes| RING_BYTES.contains(bytes))
        .ok_or_else(complaint)
}

/// Reads a factor of time: a number above zero.
fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text
        .parse()
        .map_err(|_| "use a number, for example 1 or 2.5".to_owned())?;
    if speed.is_finite() && (0.001..=1e6).contains(&speed) {
        Ok(speed)
    } else {
        Err("use a number from 0.001 to 1000000".to_owned())
    }
}

/// Reads a time such as `30s`, `5m`, `1h`, `500ms` or plain seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits_len);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err("use a number with ms, s, m or h, for example 30s".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "use a number with ms, s, m or h, for example 30s".to_owned())?;
    count
        .checked_mul(millis_per_unit)
        .map(Duration::from_millis)
        .ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(parse_duration("s").is_err());
        assert!(parse_duration("5 days").is_err());
        assert!(parse_duration("99999999999999999999h").is_err());
        assert!(parse_duration("9999999999999999h").is_err());
    }

    #[test]
    fn a_ring_has_a_size_that_the_kernel_takes() {
        assert_eq!(parse_ring("8M"), Ok(8 << 20));
        assert_eq!(parse_ring("100k"), Ok(128 << 10));
        assert_eq!(parse_ring("65536"), Ok(64 << 10));
        for wrong in ["", "M", "1k", "2G", "99999999999999999999", "8 M", "-1"] {
            assert!(parse_ring(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_speed_is_a_number_above_zero() {
        assert_eq!(parse_speed("2.5"), Ok(2.5));
        for wrong in ["0", "-1", "nan", "inf", "fast", ""] {
            assert!(parse_speed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_mirror_port_can_be_kept_from_the_host() {
        let parse = |words: &[&str]| Cli::try_parse_from([&["rtspscope", "watch"], words].concat());
        assert!(parse(&["--mirror", "eth1", "--mirror-drop"]).is_ok());
        assert!(parse(&["--lan", "eth1", "--mirror-drop"]).is_err());
    }

    #[test]
    fn analyze_needs_a_file_of_some_role() {
        assert!(Cli::try_parse_from(["rtspscope", "analyze"]).is_err());
        assert!(Cli::try_parse_from(["rtspscope", "analyze", "--lan", "a.pcap"]).is_ok());
        assert!(Cli::try_parse_from(["rtspscope", "analyze", "-"]).is_ok());
    }

    #[test]
    fn a_mirror_port_is_watched_alone() {
        assert!(
            Cli::try_parse_from(["rtspscope", "watch", "--mirror", "eth1", "--lan", "br-lan"])
                .is_err()
        );
        assert!(
            Cli::try_parse_from([
                "rtspscope",
                "watch",
                "--lan",
                "a",
                "--lan",
                "b",
                "--wan",
                "c"
            ])
            .is_ok()
        );
    }
}
