//! The router's nftables rules: address translation, and a firewall that lets in only what is expected.

use std::fmt::Write;
use std::io;

use super::Plan;
use super::netns::Namespace;

/// How the router translates the source of what leaves at `wan0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// Keeps the source port where it can.
    Masquerade,
    /// Takes another source port for every connection, as many carrier-grade NATs do.
    FullyRandom,
    /// Not at all: a router between two networks, whose firewall lets everything pass.
    Routed,
}

/// Lets TCP of a host in the home network repeat nothing for half a minute, not even to probe for a loss (RFC 8985). Where a gateway
/// is slow to pass on two segments it would send them again, and as one, in which the gateway finds what was cut in two.
pub const PATIENT_TCP: &[&[&str]] = &[
    &[
        "ip",
        "route",
        "change",
        "default",
        "via",
        "192.168.1.1",
        "rto_min",
        "30s",
    ],
    &["sysctl", "-qw", "net.ipv4.tcp_early_retrans=0"],
];

/// The rules of a plan, in nft's language.
pub fn text(plan: &Plan) -> String {
    let mut prerouting = String::new();
    if let Some(port) = plan.port_forward {
        let _ = write!(
            prerouting,
            "iifname \"wan0\" tcp dport {port} dnat to {}:{port}",
            plan.lan_host
        );
    }
    let masquerade = match plan.nat {
        Nat::Masquerade => "oifname \"wan0\" masquerade",
        Nat::FullyRandom => "oifname \"wan0\" masquerade fully-random",
        Nat::Routed => "",
    };
    let policy = match plan.nat {
        Nat::Masquerade | Nat::FullyRandom => "drop",
        Nat::Routed => "accept",
    };
    format!(
        "table ip nat {{
  chain prerouting {{ type nat hook prerouting priority dstnat; {prerouting}
  }}
  chain postrouting {{ type nat hook postrouting priority srcnat; {masquerade}
  }}
}}
table ip filter {{
  chain forward {{ type filter hook forward priority filter; policy {policy};
    ct state established,related accept
    ct status dnat accept
    iifname \"lan0\" oifname \"wan0\" accept
  }}
  chain input {{ type filter hook input priority filter; policy accept;
    iifname \"wan0\" ct state established,related accept
    iifname \"wan0\" udp dport 1024-65535 counter drop
  }}
}}
"
    )
}

/// Loads rules into a namespace.
pub fn load(space: &Namespace, rules: &str) -> io::Result<()> {
    space.run(&["nft", rules]).map(drop)
}
