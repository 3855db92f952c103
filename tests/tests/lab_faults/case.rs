//! One case: who takes part, what is wrong, and what both the live program and the replay must say.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;

/// Longest time for a client to end by itself.
const CLIENT_LIMIT: Duration = Duration::from_secs(30);

/// Longest time for a peer to be ready.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The scripted client that opens its ports and waits for twenty packets.
const PUNCHES: &[&str] = &["--punch"];

/// What is wrong in one case, and who takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Commands that are run in the router first.
    pub(crate) router: &'static [&'static [&'static str]],
    /// A second address of the host on the internet.
    pub(crate) second_address: Option<&'static str>,
    /// Arguments of the gateway, if the router has one.
    pub(crate) alg: Option<&'static [&'static str]>,
    /// The router ends RTSP connections and opens its own.
    pub(crate) proxy: bool,
    /// Arguments of the camera; `None` where nothing listens.
    pub(crate) camera: Option<&'static [&'static str]>,
    /// Arguments of each scripted client, one after the other.
    pub(crate) clients: &'static [&'static [&'static str]],
    /// A real player with wrong credentials comes in their place.
    pub(crate) wrong_password: bool,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            router: &[],
            second_address: None,
            alg: None,
            proxy: false,
            camera: Some(&[]),
            clients: &[PUNCHES],
            wrong_password: false,
        }
    }
}

impl Case {
    /// Plays the case and asserts the codes of severity error, and those of the lesser findings (`told`): these and no other.
    pub(crate) fn expect(
        &self,
        name: &str,
        errors: &[&'static str],
        told: &[&'static str],
    ) -> io::Result<()> {
        if lab::skip_unless_root(name) {
            return Ok(());
        }
        let lab = Lab::new(&Plan::default())?;
        let watch = Watch::start(&lab)?;
        self.play(&lab)?;
        let live = watch.finish()?;
        let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
        for (way, report) in [("live", &live.report), ("replay", &replay)] {
            let place = lab.scratch().display();
            let found = report.errors();
            let lesser: BTreeSet<&str> = report.codes().difference(&found).copied().collect();
            let set = |codes: &[&'static str]| codes.iter().copied().collect::<BTreeSet<_>>();
            assert_eq!(
                [found, lesser],
                [set(errors), set(told)],
                "{way}, see {place}"
            );
        }
        assert_eq!(
            live.report.essence(),
            replay.essence(),
            "live and replay, see {}",
            lab.scratch().display()
        );
        Ok(())
    }

    /// Lets the peers meet, until the last client has ended.
    fn play(&self, lab: &Lab) -> io::Result<()> {
        for command in self.router {
            lab.run(Host::Router, command)?;
        }
        if let Some(address) = self.second_address {
            lab.run(Host::Wan, &["ip", "addr", "add", address, "dev", "eth0"])?;
        }
        let _camera = self
            .camera
            .map(|args| start_camera(lab, args))
            .transpose()?;
        let _alg = self.alg.map(|args| start_alg(lab, args)).transpose()?;
        let _proxy = self.proxy.then(|| start_proxy(lab)).transpose()?;
        let address = lab.plan().wan_host;
        if self.wrong_password {
            return play_with_wrong_password(lab);
        }
        let url = format!("rtsp://{address}/test");
        for args in self.clients {
            let fixed = [env!("CARGO_BIN_EXE_lab-client"), "--url", &url];
            let mut client = lab.spawn(Host::Lan, "client", &[&fixed[..], args].concat())?;
            client.wait_end(CLIENT_LIMIT)?;
        }
        Ok(())
    }
}

fn start_camera(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-camera")], args].concat();
    let mut camera = lab.spawn(Host::Wan, "camera", &command)?;
    camera.wait_listening(554, START_LIMIT)?;
    Ok(camera)
}

fn start_alg(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    let command = [&[env!("CARGO_BIN_EXE_lab-alg")], args].concat();
    let mut alg = lab.spawn(Host::Router, "alg", &command)?;
    alg.wait_until("open queues", START_LIMIT, |alg| {
        alg.output().contains("ready")
    })?;
    Ok(alg)
}

fn start_proxy(lab: &Lab) -> io::Result<Process> {
    let server = format!("{}:554", lab.plan().wan_host);
    let command = [env!("CARGO_BIN_EXE_lab-proxy"), "8554", &server];
    let mut proxy = lab.spawn(Host::Router, "proxy", &command)?;
    proxy.wait_listening(8554, START_LIMIT)?;
    lab.run(
        Host::Router,
        &[
            "nft",
            "add rule ip nat prerouting iifname lan0 tcp dport 554 redirect to :8554",
        ],
    )?;
    Ok(proxy)
}

fn play_with_wrong_password(lab: &Lab) -> io::Result<()> {
    let url = format!("rtsp://viewer:wrong@{}/test", lab.plan().wan_host);
    let command = [
        "ffmpeg",
        "-nostdin",
        "-rtsp_transport",
        "udp",
        "-i",
        &url,
        "-f",
        "null",
        "-",
    ];
    let mut player = lab.spawn(Host::Lan, "ffmpeg", &command)?;
    player.wait_end(CLIENT_LIMIT).map(drop)
}
