//! An RTSP client that does what it is told and nothing else: any Transport header, a SETUP cut in two segments, no
//! hole punch unless asked for. It receives over UDP, and says what every request was answered with. [`camera`] is its
//! counterpart.

pub mod camera;
mod text;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use text::{control_uris, header, server_ports, whole_message_len};

/// What the client is to do.
#[derive(Debug, Clone)]
pub struct Script {
    /// URL to ask for, `rtsp://ADDRESS[:PORT]/PATH` with a numeric address.
    pub url: String,
    /// Value of the Transport header.
    pub transport: String,
    /// First of the two UDP ports to receive at.
    pub port: u16,
    /// Sends SETUP in two segments, cut in the middle of the Transport header.
    pub split: bool,
    /// Sets up every medium, the SETUP requests together in one segment; each medium takes the next two ports and a
    /// Transport header of the usual kind.
    pub pipelined: bool,
    /// Sends a datagram from both ports to the server's ports before PLAY.
    pub punch: bool,
    /// Time from the answer to SETUP to PLAY.
    pub hold: Duration,
    /// Ends the session after so many datagrams at the RTP port.
    pub packets: u32,
    /// Longest time without an answer or a datagram.
    pub patience: Duration,
}

impl Script {
    /// Reads `--url`, `--transport`, `--port`, `--packets`, `--patience-ms`, `--hold-ms`, `--split`, `--pipelined` and `--punch`.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut script = Self {
            url: String::new(),
            transport: "RTP/AVP;unicast;client_port=5000-5001".to_owned(),
            port: 5000,
            split: false,
            pipelined: false,
            punch: false,
            hold: Duration::ZERO,
            packets: 20,
            patience: Duration::from_secs(2),
        };
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{option} needs a value"));
            let number = |text: String| {
                text.parse::<u32>()
                    .map_err(|error| format!("{text}: {error}"))
            };
            match option.as_str() {
                "--url" => script.url = value()?,
                "--transport" => script.transport = value()?,
                "--port" => {
                    script.port =
                        u16::try_from(number(value()?)?).map_err(|error| error.to_string())?;
                }
                "--packets" => script.packets = number(value()?)?,
                "--patience-ms" => {
                    script.patience = Duration::from_millis(number(value()?)?.into());
                }
                "--hold-ms" => script.hold = Duration::from_millis(number(value()?)?.into()),
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
        let mut dialog = Dialog {
            stream,
            cseq: 0,
            answers: Vec::new(),
            unread: Vec::new(),
        };
        let received = self.converse(&mut dialog, server, &media, &reports)?;
        Ok(json!({ "answers": dialog.answers, "rtp": received }))
    }

    fn converse(
        &self,
        dialog: &mut Dialog,
        server: SocketAddr,
        media: &UdpSocket,
        reports: &UdpSocket,
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
        if self.punch {
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
        let received = self.receive(media)?;
        dialog.ask("TEARDOWN", &self.url, &session, None)?;
        Ok(received)
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

    fn receive(&self, media: &UdpSocket) -> io::Result<u32> {
        media.set_read_timeout(Some(self.patience))?;
        let mut datagram = [0; 2048];
        let mut received = 0;
        while received < self.packets {
            match media.recv(&mut datagram) {
                Ok(_) => received += 1,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(received)
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

/// Requests and answers on one connection.
struct Dialog {
    stream: TcpStream,
    cseq: u32,
    answers: Vec<Value>,
    unread: Vec<u8>,
}

impl Dialog {
    /// Sends a request and returns its answer, head and body; `None` when nothing came in time.
    ///
    /// With `cut` the request leaves in two segments, the first ending with that text.
    fn ask(
        &mut self,
        method: &str,
        uri: &str,
        headers: &str,
        cut: Option<&str>,
    ) -> io::Result<Option<String>> {
        let request = self.request(method, uri, headers);
        let at = cut
            .and_then(|text| request.find(text).map(|at| at + text.len()))
            .unwrap_or(request.len());
        self.stream.write_all(&request.as_bytes()[..at])?;
        // Without Nagle's algorithm each write is a segment of its own.
        self.stream.write_all(&request.as_bytes()[at..])?;
        self.read_answer_to(method)
    }

    /// The text of the next request.
    fn request(&mut self, method: &str, uri: &str, headers: &str) -> String {
        self.cseq += 1;
        format!(
            "{method} {uri} RTSP/1.0\r\nCSeq: {}\r\nUser-Agent: lab-client\r\n{headers}\r\n",
            self.cseq
        )
    }

    fn read_answer_to(&mut self, method: &str) -> io::Result<Option<String>> {
        let answer = self.read_answer()?;
        let status = answer
            .as_deref()
            .and_then(|text| text.split(' ').nth(1)?.parse::<u16>().ok());
        self.answers.push(json!([method, status]));
        Ok(answer)
    }

    fn read_answer(&mut self) -> io::Result<Option<String>> {
        let deadline = Instant::now() + self.stream.read_timeout()?.unwrap_or_default();
        loop {
            if let Some(len) = whole_message_len(&self.unread) {
                let message: Vec<u8> = self.unread.drain(..len).collect();
                return Ok(Some(String::from_utf8_lossy(&message).into_owned()));
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(len) => self.unread.extend_from_slice(&buffer[..len]),
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
