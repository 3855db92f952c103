//! What the NAT lab stands on: real RTSP servers and clients, and the tools that make a router of a namespace.

use anyhow::{Result, bail};

use crate::{
    apt,
    process::{is_root, on_path},
};

/// Debian's packages: the router, the peers (ffmpeg, and the server and client of gst), and what tests look with.
const PACKAGES: [&str; 22] = [
    "conntrack",
    "ethtool",
    "ffmpeg",
    "gir1.2-gst-rtsp-server-1.0",
    "gstreamer1.0-libav",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-ugly",
    "gstreamer1.0-rtsp",
    "gstreamer1.0-tools",
    "iproute2",
    "iptables",
    "jq",
    "libpcap-dev",
    "nftables",
    "procps",
    "python3-gi",
    "tcpdump",
    "tmux",
    "vlc-bin",
    "vlc-plugin-base",
];

/// Look with other eyes at what we report, at its pages, figures, manual, completions and packages; the lab works without.
const COMPARED_WITH: [&str; 14] = [
    "busybox-static",
    "chromium",
    "fish",
    "fonts-dejavu-core",
    "make",
    "man-db",
    "mandoc",
    "prometheus",
    "python3-html5lib",
    "shellcheck",
    "systemd",
    "tidy",
    "tshark",
    "zsh",
];

/// The programs that the lab calls, for machines whose packages have other names.
const PROGRAMS: [&str; 10] = [
    "ip",
    "nft",
    "iptables-legacy",
    "conntrack",
    "ethtool",
    "ffmpeg",
    "gst-launch-1.0",
    "python3",
    "tcpdump",
    "cvlc",
];

/// Brings the peers, or names what is lacking. Quick where nothing is.
pub(crate) fn ensure() -> Result<()> {
    if !is_root() {
        bail!("the NAT lab needs root, for network namespaces and kernel programs");
    }
    if apt::is_debian() {
        let wanted: Vec<&str> = PACKAGES.into_iter().chain(COMPARED_WITH).collect();
        let missing = apt::missing(&wanted);
        if !missing.is_empty() && apt::may_install() {
            apt::update();
            apt::install(&missing)?;
        }
    }
    let absent: Vec<&str> = PROGRAMS
        .into_iter()
        .filter(|program| on_path(program).is_none())
        .collect();
    if !absent.is_empty() {
        bail!(
            "the NAT lab lacks {}; Debian's packages are: {}",
            absent.join(", "),
            PACKAGES.join(" ")
        );
    }
    Ok(())
}
