//! What a generated capture is to hold.

use super::link::{Encapsulation, Family};

/// A whole capture.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Everything random comes from here.
    pub seed: u64,
    /// The sessions; they begin at different moments.
    pub sessions: Vec<SessionRecipe>,
    /// Frames a second that have nothing to do with RTSP.
    pub background_per_second: u64,
}

/// One player at one camera.
#[derive(Clone, Debug)]
pub struct SessionRecipe {
    /// What carries the media.
    pub carrier: Carrier,
    /// What lies between the Ethernet header and IP.
    pub encapsulation: Encapsulation,
    /// IP version.
    pub family: Family,
    /// RTP packets of the video medium; half as many of the audio medium, if there is one.
    pub packets: u32,
    /// RTP packets a second of the video medium.
    pub packets_per_second: u32,
    /// Bytes of RTP payload of a video packet.
    pub payload_len: usize,
    /// RTP packets of a medium between two sender reports, and with interleaved media between two keepalives.
    pub packets_per_report: u32,
    /// Whether there is an audio medium.
    pub audio: bool,
    /// What goes wrong.
    pub faults: Faults,
}

/// What carries the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// RTP over unicast UDP.
    Udp,
    /// Interleaved in the RTSP connection.
    Interleaved,
}

/// What goes wrong, in packets (UDP) or segments (interleaved) of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Not in the capture at all. An interleaved segment is then acknowledged all the same: the capture lost it.
    pub lost_per_mille: u32,
    /// In the capture twice: a duplicate datagram, or a retransmitted segment.
    pub twice_per_mille: u32,
    /// Later than some that follow.
    pub late_per_mille: u32,
    /// The second packet of each medium comes before the first. UDP only.
    pub swap_first_pair: bool,
}

impl Recipe {
    /// Each carrier, encapsulation and fault, alone and together.
    pub fn everything(seed: u64) -> Self {
        let mut sessions = Vec::new();
        let encapsulations = [
            Encapsulation::Plain,
            Encapsulation::Vlan,
            Encapsulation::DoubleVlan,
            Encapsulation::Pppoe,
        ];
        for carrier in [Carrier::Udp, Carrier::Interleaved] {
            for encapsulation in encapsulations {
                for family in [Family::V4, Family::V6] {
                    for faults in Faults::kinds() {
                        sessions.push(SessionRecipe::small(carrier, encapsulation, family, faults));
                    }
                }
            }
        }
        Self {
            seed,
            sessions,
            background_per_second: 500,
        }
    }

    /// About `bytes` of ordinary camera traffic: four UDP sessions and four interleaved ones, with audio, on plain
    /// Ethernet, nearly healthy.
    pub fn bulk(seed: u64, bytes: u64) -> Self {
        let packets = u32::try_from(bytes / 8 / 1230).unwrap_or(u32::MAX);
        Self::ordinary(seed, 8, packets)
    }

    /// Ten seconds of this many cameras at once, as a router between them and their players sees.
    pub fn cameras(seed: u64, count: usize) -> Self {
        Self::ordinary(seed, count, 4000)
    }

    /// Nearly healthy sessions of this many video packets, half of them over UDP.
    fn ordinary(seed: u64, count: usize, packets: u32) -> Self {
        let faults = Faults {
            lost_per_mille: 1,
            twice_per_mille: 1,
            late_per_mille: 2,
            swap_first_pair: false,
        };
        let session = |carrier| SessionRecipe {
            packets,
            packets_per_second: 400,
            payload_len: 1088,
            ..SessionRecipe::small(carrier, Encapsulation::Plain, Family::V4, faults)
        };
        let mut sessions = vec![session(Carrier::Udp); count / 2];
        sessions.extend(vec![session(Carrier::Interleaved); count - count / 2]);
        Self {
            seed,
            sessions,
            background_per_second: 100,
        }
    }
}

impl Faults {
    /// None, each alone, and all.
    fn kinds() -> [Self; 6] {
        let none = Self::default();
        [
            none,
            Self {
                lost_per_mille: 20,
                ..none
            },
            Self {
                twice_per_mille: 30,
                ..none
            },
            Self {
                late_per_mille: 30,
                ..none
            },
            Self {
                swap_first_pair: true,
                lost_per_mille: 10,
                ..none
            },
            Self {
                lost_per_mille: 20,
                twice_per_mille: 30,
                late_per_mille: 40,
                swap_first_pair: true,
            },
        ]
    }
}

impl SessionRecipe {
    /// 400 video packets at 200 a second, with audio.
    fn small(
        carrier: Carrier,
        encapsulation: Encapsulation,
        family: Family,
        faults: Faults,
    ) -> Self {
        Self {
            carrier,
            encapsulation,
            family,
            packets: 400,
            packets_per_second: 200,
            payload_len: 900,
            packets_per_report: 150,
            audio: true,
            faults,
        }
    }
}
