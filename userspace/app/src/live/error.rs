//! Why live capture cannot begin or go on.

#[cfg(feature = "ebpf")]
use aya::EbpfError;
#[cfg(feature = "ebpf")]
use aya::maps::MapError;
#[cfg(feature = "ebpf")]
use aya::programs::ProgramError;
#[cfg(feature = "ebpf")]
use aya::programs::tc::TcError;

use crate::failure::Failure;

/// What stands in the way of live capture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    /// No such interface.
    #[error("no such interface")]
    UnknownInterface {
        /// As the user named it.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// One interface was named more than once.
    #[error("is named twice")]
    NamedTwice {
        /// As the user named it.
        name: String,
    },
    /// None was named and none could be chosen.
    #[error("no interface is up besides the loopback")]
    NoInterface,
    /// Something may not be done.
    #[error("missing permission: {0}")]
    Permission(String),
    /// The kernel cannot do it.
    #[cfg(feature = "ebpf")]
    #[error("{subject}: {what}")]
    Kernel {
        /// What was wanted of it.
        subject: String,
        /// What it lacks.
        what: String,
        /// What to install or to do instead.
        remedy: &'static str,
    },
    /// The kernel refused a program or a map.
    #[cfg(feature = "ebpf")]
    #[error(transparent)]
    Load(#[from] EbpfError),
    /// A program could not be loaded or attached.
    #[cfg(feature = "ebpf")]
    #[error("{name}: {error}")]
    Attach {
        /// Interface.
        name: String,
        /// What the kernel said.
        error: ProgramError,
    },
    /// A map could not be read or written.
    #[cfg(feature = "ebpf")]
    #[error(transparent)]
    Map(#[from] MapError),
    /// The log of the kernel programs could not be opened.
    #[cfg(feature = "ebpf")]
    #[error("log of the kernel programs: {0}")]
    Log(#[from] aya_log::Error),
    /// This build cannot do it.
    #[cfg(not(all(feature = "ebpf", feature = "pcap")))]
    #[error("this build has no {0}")]
    NotBuilt(&'static str),
    /// libpcap refused an interface.
    #[cfg(feature = "pcap")]
    #[error("{name}: {error}")]
    Pcap {
        /// Interface.
        name: String,
        /// What libpcap said.
        error: pcap::Error,
    },
    /// A call to the system failed.
    #[error("{call}: {error}")]
    System {
        /// The call.
        call: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

impl LiveError {
    /// A failed call to the system.
    pub(super) fn system(call: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::System { call, error }
    }

    /// What is wrong, in a few words.
    pub(super) fn brief(&self) -> String {
        told(self)
    }

    /// The same failure where one more way was tried that lacks a permission too.
    pub(super) fn and_lacking(self, also: &str) -> Self {
        if let Self::Permission(lacking) = &self
            && !lacking.contains(also)
        {
            return Self::Permission(format!("{lacking}, {also}"));
        }
        self
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::UnknownInterface { name, known } => Self::new(
                name,
                "no such interface",
                format_args!("take one of {}", known.join(", ")),
            ),
            LiveError::NamedTwice { name } => Self::new(
                name,
                "is named twice",
                "name each interface once, as --lan or as --wan",
            ),
            LiveError::NoInterface => Self::new(
                "watch",
                "no interface is up besides the loopback",
                "name one with --lan, --wan or --mirror",
            ),
            LiveError::Permission(lacking) => Self::new(
                "watch",
                format_args!("missing permission: {lacking}"),
                "run it as root, or: setcap cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw+ep rtspscope",
            ),
            #[cfg(feature = "ebpf")]
            LiveError::Kernel {
                subject,
                what,
                remedy,
            } => Self::new(subject, what, remedy),
            #[cfg(not(all(feature = "ebpf", feature = "pcap")))]
            LiveError::NotBuilt(what) => Self::new(
                "--backend",
                format_args!("this build has no {what}"),
                "build with --features pcap or ebpf, or use --backend afpacket",
            ),
            #[cfg(feature = "pcap")]
            LiveError::Pcap { name, error } => Self::new(name, told(&error), OTHER_WAY),
            #[cfg(feature = "ebpf")]
            LiveError::Load(error) => Self::new("kernel programs", told(&error), OTHER_WAY),
            #[cfg(feature = "ebpf")]
            LiveError::Attach { name, error } => attach_failure(&name, &error),
            #[cfg(feature = "ebpf")]
            LiveError::Map(error) => Self::new("kernel maps", told(&error), OTHER_WAY),
            #[cfg(feature = "ebpf")]
            LiveError::Log(error) => {
                Self::new("log of the kernel programs", told(&error), "leave out -v")
            }
            LiveError::System { call, error } => Self::new(
                call,
                crate::failure::reason(&error),
                "check the limits and permissions of the process",
            ),
        }
    }
}

/// What always works.
#[cfg(any(feature = "ebpf", feature = "pcap"))]
const OTHER_WAY: &str =
    "capture with tcpdump on both sides and use: rtspscope analyze --lan FILE --wan FILE";

#[cfg(feature = "ebpf")]
fn attach_failure(name: &str, error: &ProgramError) -> Failure {
    let code = if let ProgramError::TcError(TcError::NetlinkError(error))
    | ProgramError::NetlinkError(error) = error
    {
        error.raw_os_error()
    } else if let ProgramError::SyscallError(error) = error {
        error.io_error.raw_os_error()
    } else {
        None
    };
    match code {
        Some(libc::ENOENT | libc::EOPNOTSUPP) => Failure::new(
            name,
            "the kernel has no BPF classifier (cls_bpf)",
            "load the module cls_bpf (OpenWrt: apk add kmod-sched-bpf)",
        ),
        Some(libc::ENODEV | libc::ENXIO) => {
            Failure::new(name, "the interface has gone", "name one that is there")
        }
        Some(libc::EBUSY) => Failure::new(
            name,
            "another XDP program is attached",
            "detach it (ip link set dev IF xdp off), or use --lan",
        ),
        _ => Failure::new(
            name,
            format_args!("cannot attach: {}", told(error)),
            OTHER_WAY,
        ),
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.lines().next().unwrap_or_default().to_owned()
}
