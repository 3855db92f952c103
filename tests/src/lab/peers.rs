//! The lab's cameras and players: GStreamer's RTSP server, GStreamer's and ffmpeg's clients.

use std::io;

use super::process::Process;
use super::{Host, Lab};
use crate::wait::LIMIT;

/// A GStreamer camera. The default is a small moving picture, video only, on port 554.
#[derive(Debug, Clone)]
pub struct Camera {
    /// RTSP port.
    pub port: u16,
    /// Path of the URL, with its slash.
    pub path: &'static str,
    /// Bit rate of the picture in kbit/s.
    pub kbps: u32,
    /// A second medium, PCMA audio.
    pub audio: bool,
    /// Further arguments of its script, such as `--tls` or `--group ADDRESS`.
    pub arguments: &'static [&'static str],
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            port: 554,
            path: "/test",
            kbps: 300,
            audio: false,
            arguments: &[],
        }
    }
}

impl Camera {
    /// Starts the camera on `host` and returns when its port listens.
    pub fn start(&self, lab: &Lab, host: Host) -> io::Result<Process> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/gst_server.py");
        let (port, kbps) = (self.port.to_string(), self.kbps.to_string());
        let mut command = vec![
            "/usr/bin/python3",
            script,
            "--port",
            &port,
            "--path",
            self.path,
            "--kbps",
            &kbps,
        ];
        if self.audio {
            command.push("--audio");
        }
        command.extend(self.arguments);
        let mut server = lab.spawn(host, "camera", &command)?;
        server.wait_listening(self.port, LIMIT)?;
        Ok(server)
    }
}

/// Starts the scripted camera, which `program` is, on the internet's host at port 554.
pub fn scripted_camera(lab: &Lab, program: &str, args: &[&str]) -> io::Result<Process> {
    let mut camera = lab.spawn(Host::Wan, "camera", &[&[program], args].concat())?;
    camera.wait_listening(554, LIMIT)?;
    Ok(camera)
}

/// Lets the scripted client, which `program` is, play from the home network, with a punch, until it ends by itself.
pub fn scripted_client(lab: &Lab, program: &str, args: &[&str]) -> io::Result<()> {
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let command = [&[program, "--url", &url, "--punch"], args].concat();
    let mut client = lab.spawn(Host::Lan, "client", &command)?;
    client.wait_end(LIMIT).map(drop)
}

/// Starts VLC as a server of a small moving picture at `rtsp://HOST:PORT/test` and returns when it listens.
///
/// It refuses to run as root, and reads its picture from a file.
pub fn vlc_server(lab: &Lab, host: Host, port: u16) -> io::Result<Process> {
    let picture = lab.scratch().join("picture.264");
    let picture = picture.to_string_lossy();
    let source = "testsrc2=size=320x240:rate=25";
    let encode = ["-c:v", "libx264", "-g", "25", "-bf", "0", "-y", &*picture];
    let make = [
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        "-t",
        "10",
    ];
    lab.run(host, &[&make[..], &encode].concat())?;
    let out = format!("#rtp{{sdp=rtsp://:{port}/test}}");
    let nobody = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
    ];
    let vlc = [
        "cvlc",
        "-I",
        "dummy",
        "--loop",
        &*picture,
        "--sout",
        &out,
        "--sout-keep",
    ];
    let mut server = lab.spawn(host, "vlc", &[&nobody[..], &vlc].concat())?;
    server.wait_listening(port, LIMIT)?;
    Ok(server)
}

/// Starts GStreamer's player over UDP; it ends after `buffers` pictures, or when none came for five seconds.
///
/// With `punch` it sends a datagram from each of its ports first, as it does by default; without, it waits in silence.
pub fn gst_udp_client(
    lab: &Lab,
    host: Host,
    url: &str,
    punch: bool,
    buffers: u32,
) -> io::Result<Process> {
    let location = format!("location={url}");
    let nat = if punch {
        "nat-method=dummy"
    } else {
        "nat-method=none"
    };
    let count = format!("num-buffers={buffers}");
    lab.spawn(
        host,
        "gst-client",
        &[
            "gst-launch-1.0",
            "rtspsrc",
            &location,
            "protocols=udp",
            nat,
            "timeout=5000000",
            "latency=0",
            "!",
            "rtph264depay",
            "!",
            "h264parse",
            "!",
            "fakesink",
            &count,
        ],
    )
}

/// Starts ffmpeg as a player that reads `seconds` of media and ends; `transport` is `udp` or `tcp`.
pub fn ffmpeg_client(
    lab: &Lab,
    host: Host,
    url: &str,
    transport: &str,
    seconds: u32,
) -> io::Result<Process> {
    lab.spawn(
        host,
        "ffmpeg",
        &[
            "ffmpeg",
            "-nostdin",
            "-loglevel",
            "warning",
            "-rtsp_transport",
            transport,
            "-i",
            url,
            "-t",
            &seconds.to_string(),
            "-c",
            "copy",
            "-f",
            "null",
            "-",
        ],
    )
}
