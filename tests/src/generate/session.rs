//! One player at one camera: negotiation, media, end.

mod dialogue;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use super::Due;
use super::link::{self, Family};
use super::media::{Kind, Medium};
use super::random::Random;
use super::recipe::{Carrier, SessionRecipe};
use super::stream::Sender;
use super::truth::{ArrivalLog, StreamTruth};

/// Time between two steps of the negotiation.
const STEP_NS: u64 = 2_000_000;

/// A session that is being made.
#[derive(Debug)]
pub(crate) struct Session {
    recipe: SessionRecipe,
    random: Random,
    client: SocketAddr,
    server: SocketAddr,
    requests: Sender,
    responses: Sender,
    tracks: Vec<Track>,
    start_ns: u64,
    phase: Phase,
    cseq: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Playing { from_ns: u64 },
    Over,
}

/// A medium under way.
#[derive(Debug)]
struct Track {
    medium: Medium,
    next: u32,
    log: ArrivalLog,
    /// Interleaved frames: where each lies in the stream, its number and length.
    frames: Vec<(Range<u64>, u64, usize)>,
}

impl Session {
    pub(crate) fn new(index: usize, recipe: &SessionRecipe, mut random: Random) -> Self {
        let number = index as u16;
        let [high, low] = number.to_be_bytes();
        let client_port = 40_000 + number;
        let (client, server): (SocketAddr, SocketAddr) = match recipe.family {
            Family::V4 => (
                (Ipv4Addr::new(10, 1, high, low), client_port).into(),
                (Ipv4Addr::new(192, 0, 2, 10 + low % 100), 554).into(),
            ),
            Family::V6 => (
                (
                    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, number),
                    client_port,
                )
                    .into(),
                (Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, number), 8554).into(),
            ),
        };
        let mut tracks = vec![Track::new(Medium::new(
            Kind::Video,
            recipe.packets,
            recipe.packets_per_second,
            recipe.payload_len,
            &mut random,
        ))];
        if recipe.audio {
            let medium = Medium::new(
                Kind::Audio,
                recipe.packets / 2,
                recipe.packets_per_second / 2,
                160,
                &mut random,
            );
            tracks.push(Track::new(medium));
        }
        Self {
            requests: Sender::new(recipe, client, server, random.fork()),
            responses: Sender::new(recipe, server, client, random.fork()),
            recipe: recipe.clone(),
            random,
            client,
            server,
            tracks,
            start_ns: 37_000_000 * index as u64,
            phase: Phase::Waiting,
            cseq: 0,
        }
    }

    /// Makes all that begins before `end_ns`; false when nothing was left to make.
    pub(crate) fn advance(&mut self, end_ns: u64, due: &mut Vec<Due>) -> bool {
        if self.phase == Phase::Waiting && self.start_ns < end_ns {
            let from_ns = self.negotiate(due);
            self.phase = Phase::Playing { from_ns };
        }
        match self.phase {
            Phase::Waiting => true,
            Phase::Playing { from_ns } => {
                self.play(from_ns, end_ns, due);
                if self
                    .tracks
                    .iter()
                    .all(|track| track.next == track.medium.packets)
                {
                    self.end(from_ns, due);
                    self.phase = Phase::Over;
                }
                true
            }
            Phase::Over => false,
        }
    }

    /// What came of each medium.
    pub(crate) fn into_truth(self) -> Vec<StreamTruth> {
        let interleaved = self.recipe.carrier == Carrier::Interleaved;
        let (client, responses) = (self.client.to_string(), &self.responses);
        let truth = |(place, mut track): (usize, Track)| {
            for (range, seq, len) in &track.frames {
                if responses.captured(range) {
                    track.log.arrived(range.start, *seq, *len);
                }
            }
            track
                .log
                .into_truth(client.clone(), place, interleaved, track.medium.ssrc)
        };
        self.tracks.into_iter().enumerate().map(truth).collect()
    }

    fn play(&mut self, from_ns: u64, end_ns: u64, due: &mut Vec<Due>) {
        loop {
            let next = self
                .tracks
                .iter()
                .enumerate()
                .filter(|(_, track)| track.next < track.medium.packets)
                .map(|(place, track)| (from_ns + track.due_ns(), place))
                .min();
            let Some((at_ns, place)) = next.filter(|&(at_ns, _)| at_ns < end_ns) else {
                return;
            };
            match self.recipe.carrier {
                Carrier::Udp => self.send_datagram(at_ns, place, due),
                Carrier::Interleaved => self.send_frame(at_ns, place, due),
            }
        }
    }

    fn send_datagram(&mut self, at_ns: u64, place: usize, due: &mut Vec<Due>) {
        let (from, to) = (self.server_media(place), self.client_media(place));
        let (faults, encapsulation) = (self.recipe.faults, self.recipe.encapsulation);
        let track = &mut self.tracks[place];
        let index = track.take();
        let packet = track.medium.packet(index, &mut self.random);
        if index.is_multiple_of(self.recipe.packets_per_report) {
            let report = track.medium.sender_report(index);
            let bytes = link::udp(encapsulation, next_port(from), next_port(to), &report);
            due.push(Due {
                at_ns: at_ns + 1000,
                bytes,
            });
        }
        let swapped = faults.swap_first_pair && index == 0;
        if !swapped && index > 1 && self.random.happens(faults.lost_per_mille) {
            return;
        }
        let interval_ns = track.medium.interval_ns;
        let delay_ns = if swapped {
            interval_ns + interval_ns / 2
        } else if index > 1 && self.random.happens(faults.late_per_mille) {
            self.random.between(interval_ns + 1, 12 * interval_ns)
        } else {
            0
        };
        let mut times = vec![at_ns + delay_ns];
        if self.random.happens(faults.twice_per_mille) {
            times.push(at_ns + delay_ns + self.random.between(1, 5 * interval_ns));
        }
        for at_ns in times {
            track
                .log
                .arrived(at_ns, track.medium.seq(index), packet.len());
            due.push(Due {
                at_ns,
                bytes: link::udp(encapsulation, from, to, &packet),
            });
        }
    }

    fn send_frame(&mut self, at_ns: u64, place: usize, due: &mut Vec<Due>) {
        let track = &mut self.tracks[place];
        let index = track.take();
        let packet = track.medium.packet(index, &mut self.random);
        let start = self.responses.offset();
        self.responses.write(&interleaved(2 * place as u8, &packet));
        let track = &mut self.tracks[place];
        track.frames.push((
            start..self.responses.offset(),
            track.medium.seq(index),
            packet.len(),
        ));
        let per_report = self.recipe.packets_per_report;
        if index % per_report == per_report - 1 {
            let report = track.medium.sender_report(index);
            self.responses
                .write(&interleaved(2 * place as u8 + 1, &report));
            self.keep_alive(at_ns, due);
        }
        if self.responses.cut(at_ns, false, &self.requests, due) {
            self.requests.acknowledge(at_ns, &self.responses, due);
        }
    }

    fn client_media(&self, place: usize) -> SocketAddr {
        let port = 50_000 + (self.client.port() - 40_000) * 4 + 2 * place as u16;
        SocketAddr::new(self.client.ip(), port)
    }

    fn server_media(&self, place: usize) -> SocketAddr {
        SocketAddr::new(self.server.ip(), 6970 + 2 * place as u16)
    }
}

impl Track {
    fn new(medium: Medium) -> Self {
        Self {
            medium,
            next: 0,
            log: ArrivalLog::default(),
            frames: Vec::new(),
        }
    }

    /// When the next packet is sent, from the beginning of play.
    fn due_ns(&self) -> u64 {
        self.medium.interval_ns * u64::from(self.next)
    }

    fn take(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }
}

fn next_port(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1)
}

/// An interleaved frame (RFC 2326 §10.12).
fn interleaved(channel: u8, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'$', channel];
    frame.extend((packet.len() as u16).to_be_bytes());
    frame.extend(packet);
    frame
}
