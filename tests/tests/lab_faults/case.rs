//! One case: who takes part, what is wrong, and what both the live program and the replay must say.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Nat, Plan};
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;

/// Names a file to which each case adds a line: its name, what was expected, what the live run said, and the replay.
const TABLE: &str = "RTSPSCOPE_LAB_TABLE";

/// The scripted client that opens its ports and waits for twenty packets.
pub(crate) const PUNCHES: &[&str] = &["--punch"];

/// A player that gives up at the first refusal.
pub(crate) const fn ffmpeg(url: &'static str) -> [&'static str; 9] {
    [
        "ffmpeg",
        "-nostdin",
        "-rtsp_transport",
        "udp",
        "-i",
        url,
        "-f",
        "null",
        "-",
    ]
}

/// A case with its name and the exact sets of codes that it must lead to.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) case: Case,
    /// Codes of severity error.
    pub(crate) errors: &'static [&'static str],
    /// Codes of the lesser findings.
    pub(crate) told: &'static [&'static str],
}

/// Declares the cases of a file, `name: case => [errors], [lesser findings];`, and makes a test of each.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $case:expr => [$($error:literal),* $(,)?], [$($told:literal),* $(,)?];)*) => {
        pub(crate) const CASES: &[crate::case::Named] = &[$(crate::case::Named {
            name: stringify!($name),
            case: $case,
            errors: &[$($error),*],
            told: &[$($told),*],
        }),*];

        $($(#[$doc])* #[test] fn $name() -> std::io::Result<()> {
            crate::case::play(CASES, stringify!($name))
        })*
    };
}
pub(crate) use cases;

/// What is wrong in one case, and who takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// How the router translates.
    pub(crate) nat: Nat,
    /// Commands that are run in the router first.
    pub(crate) router: &'static [&'static [&'static str]],
    /// Commands that are run at the client's host first.
    pub(crate) client_host: &'static [&'static [&'static str]],
    /// A second address of the host on the internet.
    pub(crate) second_address: Option<&'static str>,
    /// Arguments of the gateway, if the router has one.
    pub(crate) alg: Option<&'static [&'static str]>,
    /// The router ends RTSP connections and opens its own.
    pub(crate) proxy: bool,
    /// Arguments of the camera; `None` where nothing listens.
    pub(crate) camera: Option<&'static [&'static str]>,
    /// Arguments of a second camera on the same host, at another port.
    pub(crate) second_camera: Option<&'static [&'static str]>,
    /// The camera is inside behind a port forward, the clients are outside.
    pub(crate) camera_inside: bool,
    /// Camera and clients are inside, and the clients ask at the router's public address.
    pub(crate) hairpin: bool,
    /// Arguments of each scripted client, one after the other.
    pub(crate) clients: &'static [&'static [&'static str]],
    /// The command of a real player that comes in their place; `ADDRESS` in it stands for the camera's.
    pub(crate) player: Option<&'static [&'static str]>,
}

impl Case {
    /// One client that punches, one camera, and nothing wrong.
    pub(crate) const PLAIN: Self = Self {
        nat: Nat::Masquerade,
        router: &[],
        client_host: &[],
        second_address: None,
        alg: None,
        proxy: false,
        camera: Some(&[]),
        second_camera: None,
        camera_inside: false,
        hairpin: false,
        clients: &[PUNCHES],
        player: None,
    };
}

/// Plays the case of that name and asserts what was found, live and in the replay.
pub(crate) fn play(cases: &[Named], name: &str) -> io::Result<()> {
    let case = cases.iter().find(|case| case.name == name);
    case.ok_or_else(|| io::Error::other(format!("no case {name}")))?
        .run()
}

impl Named {
    fn run(&self) -> io::Result<()> {
        if lab::skip_unless_root(self.name) {
            return Ok(());
        }
        let lab = Lab::new(&self.case.plan())?;
        let watch = Watch::start(&lab)?;
        self.case.play(&lab)?;
        let live = watch.finish()?;
        let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
        let found = [&live.report, &replay].map(|report| {
            let errors = report.errors();
            let lesser: BTreeSet<&str> = report.codes().difference(&errors).copied().collect();
            [errors, lesser]
        });
        let set = |codes: &[&'static str]| codes.iter().copied().collect::<BTreeSet<_>>();
        let expected = [set(self.errors), set(self.told)];
        self.tell(&expected, &found)?;
        let place = lab.scratch().display();
        for (way, found) in ["live", "replay"].into_iter().zip(&found) {
            assert_eq!(*found, expected, "{way}, see {place}");
        }
        assert_eq!(
            live.report.essence(),
            replay.essence(),
            "live and replay, see {place}"
        );
        Ok(())
    }

    /// Adds a line to the table, where one is asked for.
    fn tell(
        &self,
        expected: &[BTreeSet<&str>; 2],
        found: &[[BTreeSet<&str>; 2]; 2],
    ) -> io::Result<()> {
        let Some(path) = std::env::var_os(TABLE) else {
            return Ok(());
        };
        let told = |sets: &[BTreeSet<&str>; 2]| {
            let codes = sets.iter().flatten().copied();
            codes.collect::<Vec<_>>().join(" ")
        };
        let cells = [
            self.name.to_owned(),
            told(expected),
            told(&found[0]),
            told(&found[1]),
        ];
        let mut table = OpenOptions::new().append(true).create(true).open(path)?;
        // One write to a file opened for appending: tests beside this one do not come between.
        table.write_all(format!("{}\n", cells.join("\t")).as_bytes())
    }
}

impl Case {
    fn plan(&self) -> Plan {
        let plan = Plan {
            nat: self.nat,
            port_forward: self.camera_inside.then_some(554),
            ..Plan::default()
        };
        match self.nat {
            Nat::Masquerade | Nat::FullyRandom => plan,
            // Without translation the other side is another private network.
            Nat::Routed => Plan {
                router_wan: Ipv4Addr::new(192, 168, 20, 1),
                wan_host: Ipv4Addr::new(192, 168, 20, 77),
                ..plan
            },
        }
    }

    /// Where the cameras and where the clients are.
    const fn hosts(&self) -> [Host; 2] {
        if self.hairpin {
            [Host::Lan, Host::LanSecond]
        } else if self.camera_inside {
            [Host::Lan, Host::Wan]
        } else {
            [Host::Wan, Host::Lan]
        }
    }

    /// Lets the peers meet, until the last client has ended.
    fn play(&self, lab: &Lab) -> io::Result<()> {
        let [camera_host, client_host] = self.hosts();
        for command in self.router {
            lab.run(Host::Router, command)?;
        }
        for command in self.client_host {
            lab.run(client_host, command)?;
        }
        // What goes to a group needs a way out too.
        lab.run(
            Host::Wan,
            &["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"],
        )?;
        if let Some(address) = self.second_address {
            lab.run(Host::Wan, &["ip", "addr", "add", address, "dev", "eth0"])?;
        }
        let start = |args| start_camera(lab, camera_host, args);
        let _camera = self.camera.map(start).transpose()?;
        let _second = self.second_camera.map(start).transpose()?;
        let _alg = self.alg.map(|args| start_alg(lab, args)).transpose()?;
        let _proxy = self.proxy.then(|| start_proxy(lab)).transpose()?;
        let address = if self.camera_inside || self.hairpin {
            lab.plan().router_wan
        } else {
            lab.plan().wan_host
        };
        if let Some(words) = self.player {
            let command: Vec<String> = words
                .iter()
                .map(|word| word.replace("ADDRESS", &address.to_string()))
                .collect();
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let mut player = lab.spawn(client_host, "player", &words)?;
            return player.wait_end(LIMIT).map(drop);
        }
        let url = format!("rtsp://{address}/test");
        for args in self.clients {
            let fixed = [env!("CARGO_BIN_EXE_lab-client"), "--url", &url];
            let mut client = lab.spawn(client_host, "client", &[&fixed[..], args].concat())?;
            client.wait_end(LIMIT)?;
        }
        Ok(())
    }
}

fn start_camera(lab: &Lab, host: Host, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-camera")], args].concat();
    let given = args.iter().skip_while(|arg| **arg != "--port").nth(1);
    let port = given.and_then(|port| port.parse().ok()).unwrap_or(554);
    let mut camera = lab.spawn(host, &format!("camera-{port}"), &command)?;
    camera.wait_listening(port, LIMIT)?;
    Ok(camera)
}

fn start_alg(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-alg")], args].concat();
    let mut alg = lab.spawn(Host::Router, "alg", &command)?;
    alg.wait_until("open queues", LIMIT, |alg| alg.output().contains("ready"))?;
    Ok(alg)
}

fn start_proxy(lab: &Lab) -> io::Result<Process> {
    let server = format!("{}:554", lab.plan().wan_host);
    let command = [env!("CARGO_BIN_EXE_lab-proxy"), "8554", &server];
    let mut proxy = lab.spawn(Host::Router, "proxy", &command)?;
    proxy.wait_listening(8554, LIMIT)?;
    lab.run(
        Host::Router,
        &[
            "nft",
            "add rule ip nat prerouting iifname lan0 tcp dport 554 redirect to :8554",
        ],
    )?;
    Ok(proxy)
}
