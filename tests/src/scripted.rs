//! An RTSP client that does what it is told and nothing else: any Transport header, a SETUP cut in two segments, no
//! hole punch unless asked for. It receives over UDP or inside the connection, as its Transport header says, and tells what
//! every request was answered with. [`camera`] is its counterpart.

pub mod camera;
mod dialog;
mod recording;
mod text;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use dialog::Dialog;
use serde_json::{Value, json};
use text::{control_uris, group, header, server_ports};

/// What the client is to do.
#[derive(Debug, Clone)]
pub struct Script {
    /// URL to ask for, `rtsp://ADDRESS[:PORT]/PATH` with a numeric address.
    pub url: String,
    /// What the client calls itself.
    pub agent: String,
    /// Value of the Transport header.
    pub transport: String,
    /// Value of the Transport header, with channels, of a second attempt on the same connection where nothing came of the first.
    pub then: Option<String>,
    /// First of the two UDP ports to receive at.
    pub port: u16,
    /// Sends SETUP in two segments, cut in the middle of the Transport header.
    pub split: bool,
    /// Sets up every medium, the SETUP requests together in one segment; each medium takes the next two ports and a
    /// Transport header of the usual kind.
    pub pipelined: bool,
    /// Sends a datagram from both ports to the server's ports before PLAY, where media come to ports.
    pub punch: bool,
    /// Time from the answer to SETUP to PLAY.
    pub hold: Duration,
    /// Joins the group that the answer to SETUP names.
    pub join: bool,
    /// Sends a receiver report for every ten datagrams, to the port that the reports of the server come from.
    pub reports: bool,
    /// The server's port to which they go in its place.
    pub reports_to: Option<u16>,
    /// Closes its ports after so many packets, and opens them again a moment later.
    pub close_after: Option<u32>,
    /// Records: announces a description, and sends `packets` packets in place of receiving them.
    pub record: bool,
    /// Asks for a keyframe after PLAY (RTCP PLI), inside the connection.
    pub ask_keyframe: bool,
    /// Sends `GET_PARAMETER` so often while media come over UDP.
    pub keepalive: Option<Duration>,
    /// Reads nothing for so long after PLAY.
    pub stop_reading: Option<Duration>,
    /// Ends the session after so many RTP packets.
    pub packets: u32,
    /// Longest time without an answer or a datagram.
    pub patience: Duration,
}

impl Script {
    /// Reads `--url`, `--agent`, `--transport`, `--then`, `--port`, `--packets`, `--patience-ms`, `--hold-ms`, `--keepalive-ms`, `--stop-reading-ms`, `--close-after`,
    /// `--reports-to`, `--split`, `--pipelined`, `--punch`, `--join`, `--record`, `--reports` and `--ask-keyframe`.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut script = Self {
            url: String::new(),
            agent: "lab-client".to_owned(),
            transport: "RTP/AVP;unicast;client_port=5000-5001".to_owned(),
            then: None,
            port: 5000,
            split: false,
            pipelined: false,
            punch: false,
            hold: Duration::ZERO,
            join: false,
            reports: false,
            reports_to: None,
            close_after: None,
            record: false,
            ask_keyframe: false,
            keepalive: None,
            stop_reading: None,
            packets: 20,
            patience: Duration::from_secs(5),
        };
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{option} needs a value"));
            let number = |text: String| {
                text.parse::<u32>()
                    .map_err(|error| format!("{text}: {error}"))
            };
            match option.as_str() {
                "--url" => script.url = value()?,
                "--agent" => script.agent = value()?,
                "--transport" => script.transport = value()?,
                "--then" => script.then = Some(value()?),
                "--port" => {
                    script.port =
                        u16::try_from(number(value()?)?).map_err(|error| error.to_string())?;
                }
                "--packets" => script.packets = number(value()?)?,
                "--patience-ms" => {
                    script.patience = Duration::from_millis(number(value()?)?.into());
                }
                "--hold-ms" => script.hold = Duration::from_millis(number(value()?)?.into()),
                "--keepalive-ms" => {
                    script.keepalive = Some(Duration::from_millis(number(value()?)?.into()));
                }
                "--stop-reading-ms" => {
                    script.stop_reading = Some(Duration::from_millis(number(value()?)?.into()));
                }
                "--close-after" => script.close_after = Some(number(value()?)?),
                "--reports-to" => {
                    let port =
                        u16::try_from(number(value()?)?).map_err(|error| error.to_string())?;
                    script.reports_to = Some(port);
                }
                "--join" => script.join = true,
                "--record" => script.record = true,
                "--reports" => script.reports = true,
                "--ask-keyframe" => script.ask_keyframe = true,
                "--split" => script.split = true,
                "--pipelined" => script.pipelined = true,
                "--punch" => script.punch = true,
                _ => return Err(format!("no such option: {option}")),
            }
        }
        Ok(script)
    }

    /// Plays the session. The outcome is `{"answers":[["OPTIONS",200],…],"rtp":N}`; a request that nobody answered
    /// within the client's patience has the status `null` and ends the session.
    pub fn play(&self) -> io::Result<Value> {
        let server = self.server()?;
        let media = UdpSocket::bind(("0.0.0.0", self.port))?;
        let reports = UdpSocket::bind(("0.0.0.0", self.port + 1))?;
        let _further = self.further_media()?;
        let stream = TcpStream::connect_timeout(&server, self.patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.patience))?;
        let mut dialog = Dialog::new(stream, self.agent.clone());
        let received = if self.record {
            recording::play(self, &mut dialog, server, &media)?
        } else {
            self.converse(&mut dialog, server, media, reports)?
        };
        Ok(json!({ "answers": dialog.answers, "rtp": received }))
    }

    fn converse(
        &self,
        dialog: &mut Dialog,
        server: SocketAddr,
        media: UdpSocket,
        reports: UdpSocket,
    ) -> io::Result<u32> {
        if dialog.ask("OPTIONS", &self.url, "", None)?.is_none() {
            return Ok(0);
        }
        let Some(description) =
            dialog.ask("DESCRIBE", &self.url, "Accept: application/sdp\r\n", None)?
        else {
            return Ok(0);
        };
        let controls = control_uris(&description, &self.url);
        let Some(reply) = self.set_up(dialog, &controls)? else {
            return Ok(0);
        };
        let Some(session) =
            header(&reply, "session").map(|value| value.split(';').next().unwrap_or(value))
        else {
            return Ok(0);
        };
        let session = format!("Session: {session}\r\n");
        if self.join {
            join(dialog, &reply, &media)?;
        }
        let is_inside = self.transport.contains("interleaved");
        if self.punch && !is_inside {
            let (first, second) = server_ports(&reply)?;
            media.send_to(b"punch", (server.ip(), first))?;
            reports.send_to(b"punch", (server.ip(), second))?;
        }
        thread::sleep(self.hold);
        if dialog
            .ask(
                "PLAY",
                &self.url,
                &format!("{session}Range: npt=0.000-\r\n"),
                None,
            )?
            .is_none()
        {
            return Ok(0);
        }
        // Ports that close before TEARDOWN would refuse what the server still sends.
        let mut ports = [media, reports];
        let received = if is_inside {
            self.receive_inside(dialog)?
        } else {
            self.receive(dialog, &session, &mut ports)?
        };
        let received = match &self.then {
            Some(transport) if received == 0 => {
                let first = controls.first().unwrap_or(&self.url);
                self.turn_to(dialog, &session, first, transport)?
            }
            _ => received,
        };
        dialog.ask("TEARDOWN", &self.url, &session, None)?;
        drop(ports);
        Ok(received)
    }

    /// Plays once more, inside the connection.
    fn turn_to(
        &self,
        dialog: &mut Dialog,
        session: &str,
        control: &str,
        transport: &str,
    ) -> io::Result<u32> {
        dialog.ask("PAUSE", &self.url, session, None)?;
        let transport = format!("Transport: {transport}\r\n{session}");
        dialog.ask("SETUP", control, &transport, None)?;
        dialog.ask("PLAY", &self.url, session, None)?;
        self.receive_inside(dialog)
    }

    /// Sets up the first medium, or all of them in one segment, and returns the first answer.
    fn set_up(&self, dialog: &mut Dialog, controls: &[String]) -> io::Result<Option<String>> {
        let first = controls.first().map_or(&*self.url, |control| control);
        if !self.pipelined {
            let transport = format!("Transport: {}\r\n", self.transport);
            let cut = self.split.then_some("Transport: RTP/A");
            return dialog.ask("SETUP", first, &transport, cut);
        }
        let requests: Vec<String> = (self.port..)
            .step_by(2)
            .zip(controls)
            .map(|(port, control)| {
                let transport = format!(
                    "Transport: RTP/AVP;unicast;client_port={port}-{}\r\n",
                    port + 1
                );
                dialog.request("SETUP", control, &transport)
            })
            .collect();
        dialog.stream.write_all(requests.concat().as_bytes())?;
        let answers: io::Result<Vec<Option<String>>> = requests
            .iter()
            .map(|_| dialog.read_answer_to("SETUP"))
            .collect();
        Ok(answers?.into_iter().next().flatten())
    }

    /// The sockets of the media after the first, where there are any.
    fn further_media(&self) -> io::Result<Vec<UdpSocket>> {
        let ports = if self.pipelined {
            self.port + 2..self.port + 4
        } else {
            0..0
        };
        ports
            .map(|port| UdpSocket::bind(("0.0.0.0", port)))
            .collect()
    }

    /// Media at the ports, and reports back.
    fn receive(
        &self,
        dialog: &mut Dialog,
        session: &str,
        ports: &mut [UdpSocket; 2],
    ) -> io::Result<u32> {
        ports[0].set_read_timeout(Some(self.patience))?;
        let mut datagram = [0; 2048];
        let (mut received, mut asked_at) = (0, Instant::now());
        while received < self.packets {
            let from = match ports[0].recv_from(&mut datagram) {
                Ok((_, from)) => from,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            };
            received += 1;
            if self.close_after == Some(received) {
                self.close_for_a_moment(ports)?;
            }
            if self.reports && received % 10 == 0 {
                let next = from.port().wrapping_add(1);
                let to = SocketAddr::new(from.ip(), self.reports_to.unwrap_or(next));
                ports[1].send_to(&RECEIVER_REPORT, to)?;
            }
            if self
                .keepalive
                .is_some_and(|every| asked_at.elapsed() >= every)
            {
                asked_at = Instant::now();
                dialog.ask("GET_PARAMETER", &self.url, session, None)?;
            }
        }
        Ok(received)
    }

    fn close_for_a_moment(&self, ports: &mut [UdpSocket; 2]) -> io::Result<()> {
        for socket in &mut *ports {
            *socket = UdpSocket::bind(("0.0.0.0", 0))?;
        }
        thread::sleep(CLOSED);
        for (socket, port) in ports.iter_mut().zip(self.port..) {
            *socket = UdpSocket::bind(("0.0.0.0", port))?;
        }
        ports[0].set_read_timeout(Some(self.patience))
    }

    /// Media on channel 0 of the connection.
    fn receive_inside(&self, dialog: &mut Dialog) -> io::Result<u32> {
        if let Some(pause) = self.stop_reading {
            thread::sleep(pause);
        }
        if self.ask_keyframe {
            dialog.send_frame(1, &PICTURE_LOSS)?;
        }
        dialog.read_frames(self.packets)?;
        Ok(dialog.interleaved_rtp)
    }

    fn server(&self) -> io::Result<SocketAddr> {
        let rest = self.url.strip_prefix("rtsp://").unwrap_or(&self.url);
        let host = rest.split('/').next().unwrap_or_default();
        let host = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:554")
        };
        host.parse()
            .map_err(|_| io::Error::other(format!("{host} is no numeric address")))
    }
}

/// How long a client has its ports closed, long enough for some packets to be refused.
const CLOSED: Duration = Duration::from_millis(300);

/// A receiver report without report blocks (RFC 3550 §6.4.2).
const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

/// A picture loss indication (RFC 4585 §6.3.1) about the camera's first medium.
const PICTURE_LOSS: [u8; 12] = [0x81, 206, 0, 2, 0, 0, 0, 9, 0x1A, 0xB0, 0, 96];

/// Joins the group that an answer names, on the interface of the connection.
fn join(dialog: &Dialog, reply: &str, media: &UdpSocket) -> io::Result<()> {
    let own = dialog.stream.local_addr()?.ip();
    match (group(reply), own) {
        (Some(group), IpAddr::V4(own)) => media.join_multicast_v4(&group, &own),
        _ => Err(io::Error::other("the answer to SETUP names no group")),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
