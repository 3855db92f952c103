//! The lab's application layer gateway on NFQUEUE; runs in the router's namespace until it is killed.
//!
//! `lab-alg [--port 554] [--first-port 10000] [--fault NAME]…` (the faults are those of
//! [`rtspscope_tests::alg::settings::Fault`]). The client's direction is queued before connection tracking (raw
//! PREROUTING) and the server's after it (mangle POSTROUTING), so that connection tracking sees one consistent
//! stream: the rewritten one. It prints `ready` when both queues are open.

use std::error::Error;
use std::io::{self, Write};
use std::process::Command;

use nfq::{Queue, Verdict as QueueVerdict};
use rtspscope_tests::alg::settings::Settings;
use rtspscope_tests::alg::{Direction, Gateway, Pinhole, Verdict};

const TO_SERVER_QUEUE: u16 = 0;
const TO_CLIENT_QUEUE: u16 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_args(std::env::args().skip(1))?;
    let mut queue = Queue::open()?;
    queue.bind(TO_SERVER_QUEUE)?;
    queue.bind(TO_CLIENT_QUEUE)?;
    divert(settings.rtsp_port)?;
    writeln!(io::stdout(), "ready")?;
    let mut gateway = Gateway::new(settings);
    let mut opened: Vec<Pinhole> = Vec::new();
    loop {
        let mut message = queue.recv()?;
        let direction = match message.get_queue_num() {
            TO_SERVER_QUEUE => Direction::ToServer,
            _ => Direction::ToClient,
        };
        let mut pinholes = Vec::new();
        let verdict = gateway.handle_packet(direction, message.get_payload(), &mut pinholes);
        // A request that is sent again asks for what is open already; to open it takes long enough for the next one to come.
        pinholes.retain(|pinhole| !opened.contains(pinhole));
        for pinhole in pinholes {
            open(&pinhole)?;
            opened.push(pinhole);
        }
        let decision = match verdict {
            Verdict::Dropped => QueueVerdict::Drop,
            Verdict::Unchanged => QueueVerdict::Accept,
            Verdict::Changed(bytes) => {
                message.set_payload(bytes);
                QueueVerdict::Accept
            }
        };
        message.set_verdict(decision);
        queue.verdict(message)?;
    }
}

/// Sends both directions of RTSP connections through the queues, and prepares the table for pinholes.
fn divert(port: u16) -> io::Result<()> {
    let port = port.to_string();
    let queue = |table, chain, interface: [&str; 2], port_option, number: u16| {
        let number = number.to_string();
        let place = ["-w", "-t", table, "-A", chain];
        let matches = [
            "-p",
            "tcp",
            port_option,
            &port,
            "-j",
            "NFQUEUE",
            "--queue-num",
            &number,
        ];
        run(
            "iptables-legacy",
            &[&place[..], &interface[..], &matches[..]].concat(),
        )
    };
    queue(
        "raw",
        "PREROUTING",
        ["-i", "lan0"],
        "--dport",
        TO_SERVER_QUEUE,
    )?;
    queue(
        "mangle",
        "POSTROUTING",
        ["-o", "lan0"],
        "--sport",
        TO_CLIENT_QUEUE,
    )?;
    run(
        "nft",
        &[
            "add table ip alg; add chain ip alg pinholes { type nat hook prerouting priority -110; }",
        ],
    )
}

/// Lets media in by a DNAT rule ahead of the router's own.
fn open(pinhole: &Pinhole) -> io::Result<()> {
    let Pinhole {
        server,
        outside_port,
        inside,
    } = pinhole;
    let rule = format!(
        "add rule ip alg pinholes iifname \"wan0\" ip saddr {server} udp dport {outside_port} dnat to {inside}"
    );
    run("nft", &[&rule])
}

fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let status = Command::new(program).args(args).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{program} {}: {status}",
            args.join(" ")
        )))
    }
}
