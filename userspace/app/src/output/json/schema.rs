//! The shape of the JSON report. Names here are fixed; what is unknown is `null`.

use serde::Serialize;

use crate::output::place::Found;

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    pub capture: Capture,
    pub sessions: Vec<Session>,
    pub findings: Vec<Finding>,
    /// The router that the remedies are for.
    pub router: Option<Router>,
}

/// A router that was named or recognised.
#[derive(Debug, Serialize)]
pub(crate) struct Router {
    pub name: &'static str,
    pub title: &'static str,
    /// What this machine says of itself, where it is the router.
    pub machine: Option<String>,
}

/// The program that made the report.
#[derive(Debug, Serialize)]
pub(crate) struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

/// What was captured, and what was not.
#[derive(Debug, Serialize)]
pub(crate) struct Capture {
    pub taps: Vec<Tap>,
    /// Everything that was not captured or not kept.
    pub lost: u64,
    /// The same by reason.
    pub losses: Vec<Loss>,
    pub blind_spots: Vec<&'static str>,
    /// What a live run could not see: flows that this machine forwards by ways without a tap.
    pub notes: Vec<String>,
    /// Sessions that a live run forgot because they were long over.
    pub forgotten_sessions: u64,
    /// How the netfilter of the router was set up when the run began; `null` where it was not read.
    pub router_setup: Option<super::setup::RouterSetup>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Loss {
    pub reason: &'static str,
    pub count: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tap {
    pub name: String,
    pub role: &'static str,
    /// The capture; of one that was rotated all files, in the order in which they were read.
    pub source: String,
    /// The same as a list, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    pub link_type: Option<String>,
    pub frames: u64,
    pub bytes: u64,
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    /// When it saw nothing meanwhile, because its interface was gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<Blind>,
    pub clock_offset_ns: Option<i64>,
    /// How fast the clock gains on the first tap's; `null` where it does not measurably.
    pub clock_drift_ppm: Option<f64>,
}

/// A time in which a tap saw nothing.
#[derive(Debug, Serialize)]
pub(crate) struct Blind {
    pub from: String,
    /// `null` where it lasts.
    pub until: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Session {
    pub id: u32,
    pub url: Option<String>,
    pub state: &'static str,
    pub client: Client,
    pub server: Server,
    pub legs: Vec<Leg>,
    pub transport: &'static str,
    pub started_at: String,
    pub ended_at: Option<String>,
    /// Of the leg next to the client.
    pub requests: u64,
    /// Of the leg next to the client.
    pub responses: u64,
    pub timeout_s: Option<u32>,
    /// The last request on the way to media, where the server refused it.
    pub refused: Option<Refused>,
    /// What was last heard of each side; `null` for a session that never played.
    pub clocks: Option<Clocks>,
    pub media: Vec<Media>,
    pub nat: Nat,
    pub alg: Alg,
    pub findings: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    pub method: &'static str,
    pub status: u16,
    /// Where the answer sends the client instead.
    pub location: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Client {
    pub address: String,
    pub user_agent: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Server {
    pub address: String,
    pub name: Option<String>,
}

/// Seconds after PLAY was accepted, at the leg next to the client; negative before it, `null` for what never happened.
#[derive(Debug, Serialize)]
pub(crate) struct Clocks {
    pub last_media_s: Option<f64>,
    pub last_request_s: Option<f64>,
    /// Requests after PLAY, those that end the session left out.
    pub keepalives: u32,
    pub last_from_client_rtp_port_s: Option<f64>,
    pub last_from_client_rtcp_port_s: Option<f64>,
    pub closed_s: Option<f64>,
    pub closed_by: Option<&'static str>,
    /// All of it in a sentence.
    pub told: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Leg {
    pub tap: String,
    pub client: String,
    pub server: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Media {
    pub control: Option<String>,
    pub kind: Option<String>,
    pub encoding: Option<String>,
    pub clock_rate: Option<u32>,
    pub payload_type: Option<u8>,
    pub profile: Option<String>,
    /// Which end sends it, and so whose packets the arrivals count.
    pub direction: &'static str,
    /// Whether its packets are RTP; `false` for media that are carried without it, of which datagrams are counted.
    pub is_rtp: bool,
    /// What speaks for a medium of which only its packets tell; empty where messages do.
    pub inferred_from: Vec<&'static str>,
    /// Whether a SETUP for it was accepted.
    pub set_up: bool,
    /// It was played, and then a later SETUP took its place: of the same stream (a later medium with the same `control`), or of
    /// another one to which the client turned.
    pub superseded: bool,
    pub negotiated: Negotiated,
    pub arrivals: Vec<Arrival>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Negotiated {
    pub client_rtp_port: Option<u16>,
    pub client_rtcp_port: Option<u16>,
    pub server_rtp_port: Option<u16>,
    pub server_rtcp_port: Option<u16>,
    pub channels: Option<[u8; 2]>,
    pub destination: Option<String>,
    pub source: Option<String>,
    pub ssrc: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Arrival {
    pub tap: String,
    /// Index into the session's legs, where two of them are at this tap; elsewhere the tap tells the leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<usize>,
    pub rtp: Rtp,
    pub rtcp: Rtcp,
    /// The pictures of a video; `null` where they were not seen or mean nothing.
    pub video: Option<Video>,
    /// What left the client's media ports.
    pub from_client: Vec<ClientDatagrams>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Video {
    pub keyframes: u64,
    /// Mean time between two.
    pub keyframe_interval_ms: Option<f64>,
    pub last_keyframe_at: Option<String>,
    pub frame_rate: Option<f64>,
    pub parameter_sets: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClientDatagrams {
    pub from: String,
    pub to: String,
    pub packets: u64,
    pub kinds: DatagramKinds,
    pub first_at: String,
    pub last_at: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct DatagramKinds {
    pub rtp: u64,
    pub rtcp: u64,
    pub stun: u64,
    pub dtls: u64,
    pub hole_punch: u64,
    pub other: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rtp {
    pub packets: u64,
    pub bytes: u64,
    pub expected: Option<u64>,
    pub lost: Option<u64>,
    pub duplicates: Option<u64>,
    pub reordered: Option<u64>,
    pub jitter_ms: Option<f64>,
    pub max_gap_ms: Option<f64>,
    pub bitrate_bps: Option<u64>,
    pub ssrc: Option<u32>,
    pub ssrc_changes: Option<u32>,
    pub restarts: Option<u32>,
    pub payload_type: Option<u8>,
    pub payload_type_changes: Option<u32>,
    /// Retransmissions and forward error correction, which are in none of the other counts.
    pub repair_packets: u64,
    pub repair_bytes: u64,
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rtcp {
    pub packets: u64,
    pub sender_reports: u64,
    pub receiver_reports: u64,
    pub byes: u64,
    pub nacks: u64,
    pub keyframe_requests: u64,
    /// What the client reports.
    pub reports: Reports,
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reports {
    pub far_end_lost: Option<i32>,
    /// From 0 to 1.
    pub far_end_fraction: Option<f64>,
    pub far_end_jitter_ms: Option<f64>,
    /// From the tap to the client and back.
    pub round_trip_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Nat {
    pub paired: bool,
    pub evidence: Vec<&'static str>,
    pub pre_tap: Option<String>,
    pub post_tap: Option<String>,
    /// Indices into the session's legs, where both sides were seen at one tap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_leg: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_leg: Option<usize>,
    pub sequence_delta: Option<i64>,
    pub rewrites: Vec<Rewrite>,
    /// Entries of netfilter's connection tracking: the RTSP connection first, then the UDP flows of the client's media
    /// ports; `null` where it was not listened to.
    pub mappings: Option<Vec<Mapping>>,
}

/// An entry of connection tracking.
#[derive(Debug, Serialize)]
pub(crate) struct Mapping {
    pub protocol: String,
    /// As the first packet came to the router.
    pub original: Tuple,
    /// As an answer comes to the router.
    pub reply: Tuple,
    /// State bits that it had at any time, by name.
    pub status: Vec<&'static str>,
    pub helper: Option<String>,
    pub zone: u16,
    /// Longest time that was told until it ends without a packet.
    pub timeout_s: Option<u32>,
    /// Bytes by which a helper made the text longer in each direction.
    pub sequence_offsets: Option<[i32; 2]>,
    /// Whether its beginning was told; else it was there before.
    pub began: bool,
    pub first_at: String,
    pub first_frame: Option<u64>,
    /// The file, where the tap has several: the frame counts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_file: Option<String>,
    pub ended_at: Option<String>,
    pub ended_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_file: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tuple {
    pub from: String,
    pub to: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rewrite {
    pub method: String,
    pub kind: &'static str,
    pub cseq: Option<u32>,
    pub field: String,
    pub pre: Option<String>,
    pub post: Option<String>,
    /// The line in which the field stands, with what is no printable ASCII escaped as in `\\r\\n` and `\\xff`.
    pub pre_raw: Option<String>,
    pub post_raw: Option<String>,
    pub class: &'static str,
    pub pre_frame: Option<u64>,
    pub post_frame: Option<u64>,
    /// The files, where the taps have several: the frames count in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_file: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Alg {
    pub action: &'static str,
    pub effect: &'static str,
    /// Name of the helper that netfilter's connection tracking shows; `null` where it shows none, or nobody listened.
    pub helper: Option<String>,
    /// Connections that a helper expected; `null` where nobody listened.
    pub expectations: Option<Vec<Expectation>>,
    /// What the router's setup says of a helper for this session's RTSP port; `null` where it was not read or does not tell.
    pub assignment: Option<super::setup::Assignment>,
}

/// A connection that a helper expected.
#[derive(Debug, Serialize)]
pub(crate) struct Expectation {
    pub protocol: String,
    /// Port 0 stands for any.
    pub from: String,
    pub to: String,
    pub forwarded_to: Option<String>,
    pub helper: Option<String>,
    pub timeout_s: Option<u32>,
    pub first_at: String,
    pub first_frame: Option<u64>,
    /// The file, where the tap has several: the frame counts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_file: Option<String>,
    pub ended_at: Option<String>,
    pub ended_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_file: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub code: &'static str,
    pub severity: &'static str,
    pub session: Option<u32>,
    pub media: Option<usize>,
    pub summary: String,
    pub cause: String,
    pub evidence: Vec<Evidence>,
    pub remedy: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Evidence {
    pub tap: String,
    /// The file, where the tap has several: the frame counts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub frame: Option<u64>,
    pub at: String,
    pub note: String,
}

impl Evidence {
    /// The frame that it is.
    pub(crate) fn found(&self) -> Found {
        Found {
            file: self.file.clone(),
            frame: self.frame,
        }
    }
}
