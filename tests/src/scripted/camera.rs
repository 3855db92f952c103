//! An RTSP camera that does what it is told: any status, media from any address, with any pause or end.
//!
//! It serves its clients over UDP, to a group or inside the connection, and describes itself without a word
//! that needs a codec.

mod media;
mod options;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::is_timeout;
use super::text::{header, whole_frame_len, whole_message_len};
use media::{Flow, Manner, Running};

/// First RTP port of the camera; every medium has the next two, and a client that comes meanwhile those behind.
const FIRST_PORT: u16 = 6970;

/// RTP port of the group.
const GROUP_PORT: u16 = 5000;

/// What the media are: kind, encoding and payload type.
const MEDIA: [(&str, &str, u8); 2] = [("video", "H264/90000", 96), ("audio", "L16/8000", 97)];

/// What the camera is to do.
#[derive(Debug, Clone)]
pub struct Camera {
    /// TCP port to listen at.
    pub port: u16,
    /// How many media it has, 1 or 2.
    pub media: usize,
    /// Statuses other than 200, by method. With 401 it asks for a digest.
    pub statuses: BTreeMap<String, u16>,
    /// The address that media come from, where it is not the one that the client speaks with.
    pub media_address: Option<Ipv4Addr>,
    /// The first server port that it tells, where it is not the one that it uses.
    pub announced_port: Option<u16>,
    /// The group that media go to.
    pub group: Option<Ipv4Addr>,
    /// The host that it calls itself in Content-Base.
    pub called: Option<String>,
    /// Bytes of an attribute that makes the description longer.
    pub padding: usize,
    /// The session timeout that it announces, after which it closes the connection of a silent client.
    pub timeout: Option<Duration>,
    /// How its media flow.
    manner: Manner,
}

impl Camera {
    /// Serves clients until the process is ended.
    pub fn serve(&self) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port))?;
        thread::scope(|scope| {
            for stream in listener.incoming() {
                let stream = stream?;
                scope.spawn(move || {
                    let ended = self.converse(&stream);
                    if let Err(error) = ended
                        && error.kind() != io::ErrorKind::ConnectionReset
                    {
                        // The one who reads the log of a failed test wants to know; the other clients do not.
                        let _ = writeln!(io::stderr(), "camera: {error}");
                    }
                });
            }
            Ok(())
        })
    }

    /// Answers one client until either side has enough; its media end with the conversation.
    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(self.timeout)?;
        let writer = Arc::new(Mutex::new(stream.try_clone()?));
        let mut session = Session {
            camera: self,
            stream: Arc::clone(&writer),
            client: stream.peer_addr()?.ip(),
            local: stream.local_addr()?,
            flows: Vec::new(),
            running: None,
        };
        let (mut unread, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            while let Some(len) = whole_frame_len(&unread).or(whole_message_len(&unread)) {
                let request: Vec<u8> = unread.drain(..len).collect();
                if request.starts_with(b"$") {
                    continue;
                }
                let answer = session.answer(&String::from_utf8_lossy(&request))?;
                if let Ok(mut writer) = writer.lock() {
                    writer.write_all(answer.as_bytes())?;
                }
            }
            let mut reader = stream;
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(len) => unread.extend_from_slice(&buffer[..len]),
                Err(error) if is_timeout(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// One client's session.
#[derive(Debug)]
struct Session<'a> {
    camera: &'a Camera,
    stream: Arc<Mutex<TcpStream>>,
    client: IpAddr,
    local: SocketAddr,
    flows: Vec<Flow>,
    running: Option<Running>,
}

impl Session<'_> {
    /// The answer to a request, which takes effect before it is sent.
    fn answer(&mut self, request: &str) -> io::Result<String> {
        let method = request.split(' ').next().unwrap_or_default();
        let url = request.split(' ').nth(1).unwrap_or_default();
        let cseq = header(request, "cseq").unwrap_or_default();
        let status = self.camera.statuses.get(method).copied().unwrap_or(200);
        let (headers, body) = match (method, status) {
            (_, 401) => (
                "WWW-Authenticate: Digest realm=\"lab\", nonce=\"5fd1\"\r\n".to_owned(),
                String::new(),
            ),
            ("OPTIONS", 200) => (
                "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n".to_owned(),
                String::new(),
            ),
            ("DESCRIBE", 200) => (
                format!(
                    "Content-Base: {}/\r\nContent-Type: application/sdp\r\n",
                    self.base(url)
                ),
                self.description(),
            ),
            ("SETUP", 200) => (self.set_up(request, url)?, String::new()),
            ("PLAY", 200) => {
                let flows = std::mem::take(&mut self.flows);
                self.running = Some(Running::start(flows, self.camera.manner));
                ("Session: 7311\r\n".to_owned(), String::new())
            }
            ("TEARDOWN", 200) => {
                self.running = None;
                (String::new(), String::new())
            }
            _ => (String::new(), String::new()),
        };
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let reason = if status == 200 { "OK" } else { "Refused" };
        Ok(format!(
            "RTSP/1.0 {status} {reason}\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}"
        ))
    }

    /// The URL that it goes by.
    fn base(&self, url: &str) -> String {
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let called = self.camera.called.as_ref();
        called.map_or_else(|| url.to_owned(), |host| format!("rtsp://{host}/{path}"))
    }

    fn description(&self) -> String {
        let own = self.local.ip();
        let head = format!("v=0\r\no=- 1 1 IN IP4 {own}\r\ns=lab\r\nc=IN IP4 {own}\r\nt=0 0\r\n");
        let media = MEDIA.iter().take(self.camera.media).enumerate();
        let media = media.map(|(index, (kind, encoding, payload_type))| {
            format!(
                "m={kind} 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {encoding}\r\na=control:track{index}\r\n"
            )
        });
        let padding = match self.camera.padding {
            0 => String::new(),
            len => format!("a=x-padding:{}\r\n", "x".repeat(len)),
        };
        head + &padding + &media.collect::<String>()
    }

    /// Makes ready the medium that the URL names and returns the headers of the answer.
    fn set_up(&mut self, request: &str, url: &str) -> io::Result<String> {
        let index: u16 = url
            .rsplit("track")
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let transport = header(request, "transport").unwrap_or_default();
        let payload_type = MEDIA
            .get(usize::from(index))
            .map_or(96, |(_, _, payload_type)| *payload_type);
        let timeout = self.camera.timeout.map_or_else(String::new, |timeout| {
            format!(";timeout={}", timeout.as_secs())
        });
        let told = self.make_ready(index, transport, payload_type)?;
        Ok(format!("Session: 7311{timeout}\r\nTransport: {told}\r\n"))
    }

    /// Makes ready what the Transport header asks for, and tells how it is answered.
    fn make_ready(&mut self, index: u16, transport: &str, payload_type: u8) -> io::Result<String> {
        let value = |name: &str| {
            let mut fields = transport.split(';');
            let value = fields.find_map(|field| field.trim().strip_prefix(name));
            let first = value.and_then(|value| value.split('-').next()?.parse::<u16>().ok());
            first.ok_or_else(|| io::Error::other(format!("no {name} in {transport:?}")))
        };
        if transport.contains("interleaved=") {
            let first = value("interleaved=")? as u8;
            let stream = Arc::clone(&self.stream);
            let channels = [first, first.wrapping_add(1)];
            self.flows
                .push(Flow::inside(stream, channels, payload_type));
            return Ok(transport.to_owned());
        }
        let from = self.camera.media_address;
        let from = from.map_or(self.local.ip(), IpAddr::V4);
        let to = match self.camera.group {
            Some(group) => SocketAddr::new(IpAddr::V4(group), GROUP_PORT),
            None => SocketAddr::new(self.client, value("client_port=")?),
        };
        let (flow, own_port) = open_flow(from, FIRST_PORT + 2 * index, to, payload_type)?;
        self.flows.push(flow);
        if let Some(group) = self.camera.group {
            let next = GROUP_PORT + 1;
            return Ok(format!(
                "RTP/AVP;multicast;destination={group};port={GROUP_PORT}-{next};ttl=8"
            ));
        }
        let told = self.camera.announced_port.unwrap_or(own_port);
        let next = told.wrapping_add(1);
        Ok(format!("{transport};server_port={told}-{next}"))
    }
}

/// Takes the first pair of ports that nobody else has, from `first` on in steps of all media.
fn open_flow(
    from: IpAddr,
    first: u16,
    to: SocketAddr,
    payload_type: u8,
) -> io::Result<(Flow, u16)> {
    let mut port = first;
    loop {
        match Flow::open(SocketAddr::new(from, port), to, payload_type) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                port += 2 * MEDIA.len() as u16;
            }
            flow => return Ok((flow?, port)),
        }
    }
}
