//! A camera that floods and a player that lets it: one RTSP connection with many media.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::flood::{Stopwatch, Stream};

/// Port of the camera; it is on no list.
const RTSP_PORT: u16 = 5544;

/// First RTP port of either side; each medium takes two.
const CAMERA_PORT: u16 = 20_000;
const PLAYER_PORT: u16 = 30_000;

/// Time between the answer to PLAY and the first packet: ports are followed by then, as behind any network.
const LEAD: Duration = Duration::from_millis(300);

/// Serves one player with so many media for so long, and prints how many packets went out.
pub(super) fn serve(address: &str, media: u16, millis: u64) -> io::Result<()> {
    let own: IpAddr = address.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind((own, RTSP_PORT))?;
    let (connection, player) = listener.accept()?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    while let Some(request) = read_head(&mut reader)? {
        writer.write_all(answer(&request, own, media).as_bytes())?;
        if request.starts_with("PLAY") {
            std::thread::sleep(LEAD);
            return flood(own, player.ip(), media, millis);
        }
    }
    Ok(())
}

fn flood(from: IpAddr, to: IpAddr, media: u16, millis: u64) -> io::Result<()> {
    let mut streams = Vec::new();
    for index in 0..media {
        let socket = UdpSocket::bind((from, CAMERA_PORT + 2 * index))?;
        socket.connect((to, PLAYER_PORT + 2 * index))?;
        streams.push(Stream::new(socket, 1000 + u32::from(index)));
    }
    let stopwatch = Stopwatch::start(millis);
    while stopwatch.is_running() {
        for stream in &mut streams {
            stream.send_batch()?;
        }
    }
    stopwatch.print(streams.iter().map(|stream| stream.sent).sum());
    Ok(())
}

fn answer(request: &str, own: IpAddr, media: u16) -> String {
    let line = |name: &str| {
        let found = request.lines().find(|line| line.starts_with(name));
        found.unwrap_or_default().to_owned()
    };
    let body = if request.starts_with("DESCRIBE") {
        description(own, media)
    } else {
        String::new()
    };
    let transport = match medium_of(request) {
        Some(index) if request.starts_with("SETUP") => {
            let port = CAMERA_PORT + 2 * index;
            format!("{};server_port={port}-{}\r\n", line("Transport"), port + 1)
        }
        _ => String::new(),
    };
    format!(
        "RTSP/1.0 200 OK\r\n{}\r\nSession: 1\r\n{transport}Content-Length: {}\r\n\r\n{body}",
        line("CSeq"),
        body.len()
    )
}

fn description(own: IpAddr, media: u16) -> String {
    let each = (0..media).map(|index| {
        format!("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:medium{index}\r\n")
    });
    format!("v=0\r\no=- 1 1 IN IP4 {own}\r\ns=-\r\nt=0 0\r\n") + &each.collect::<String>()
}

/// Number of the medium that a request names.
fn medium_of(request: &str) -> Option<u16> {
    let (_, rest) = request.lines().next()?.split_once("/medium")?;
    rest.split(' ').next()?.parse().ok()
}

/// Asks a camera for all its media and waits until it hangs up.
pub(super) fn play(camera: &str, media: u16) -> io::Result<()> {
    let camera: IpAddr = camera.parse().map_err(io::Error::other)?;
    let mut connection = TcpStream::connect(SocketAddr::new(camera, RTSP_PORT))?;
    let own = connection.local_addr()?.ip();
    // Bound and not read: what is too much falls here, behind the tap.
    let sockets: io::Result<Vec<UdpSocket>> = (0..media)
        .map(|index| UdpSocket::bind((own, PLAYER_PORT + 2 * index)))
        .collect();
    let sockets = sockets?;
    let url = format!("rtsp://{camera}:{RTSP_PORT}/bench");
    let mut requests = vec![format!("DESCRIBE {url} RTSP/1.0\r\n")];
    requests.extend((0..media).map(|index| {
        let port = PLAYER_PORT + 2 * index;
        let ports = format!("client_port={port}-{}", port + 1);
        format!("SETUP {url}/medium{index} RTSP/1.0\r\nTransport: RTP/AVP;unicast;{ports}\r\n")
    }));
    requests.push(format!("PLAY {url} RTSP/1.0\r\nSession: 1\r\n"));
    let mut reader = BufReader::new(connection.try_clone()?);
    for (request, number) in requests.iter().zip(1..) {
        connection.write_all(format!("{request}CSeq: {number}\r\n\r\n").as_bytes())?;
        read_head(&mut reader)?;
    }
    reader.read_to_end(&mut Vec::new())?;
    drop(sockets);
    Ok(())
}

/// Reads a message with its body and returns its head; `None` at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let length = head.lines().find_map(|line| {
        let value = line.strip_prefix("Content-Length:")?;
        value.trim().parse().ok()
    });
    reader.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    Ok(Some(head))
}
