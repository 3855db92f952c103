//! What sessions have agreed on for the channels of their connections, as far as counting needs to know.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use rtspscope_engine::{Carrier, ChannelAt, Passing, Session};
use rtspscope_wire::TapId;

/// A channel: tap, sender, receiver, and number.
type ChannelOf = (TapId, SocketAddr, SocketAddr, u8);

/// All channels of RTP that were set up.
#[derive(Debug, Default)]
pub(super) struct Agreements {
    channels: HashMap<ChannelOf, Agreed, FixedState>,
}

/// Channels that are kept: as many as the kernel counts, with room for those of connections that have ended.
const MAX_KEPT: usize = 16_384;

/// What a description says of one channel's media.
#[derive(Clone, Debug, Default)]
struct Agreed {
    /// RTP clock in Hz.
    clock_rate: Option<u32>,
    /// Encoding by its rtpmap, where the media is in clear.
    encoding: Option<String>,
}

impl Agreements {
    /// Learns those of sessions, either way: a recording client sends its media to the server.
    pub(super) fn add(&mut self, sessions: &[Session]) {
        if self.channels.len() > MAX_KEPT {
            // Those of connections that go on are asked for again.
            self.channels.clear();
        }
        for session in sessions {
            for media in &session.media {
                let agreed = Agreed {
                    clock_rate: media.clock_rate,
                    encoding: media.encoding_in_clear().map(str::to_owned),
                };
                for (leg, on_leg) in session.legs.iter().zip(&media.per_leg) {
                    let Some((rtp, _)) = on_leg.channels else {
                        continue;
                    };
                    for (from, to) in [(leg.client, leg.server), (leg.server, leg.client)] {
                        let channel = (leg.tap, from, to, rtp);
                        self.channels.insert(channel, agreed.clone());
                    }
                }
            }
        }
    }

    /// Whether all of these channels are known.
    pub(super) fn know(&self, carrier: &Carrier, passing: &Passing) -> bool {
        let mut channels = passing.channels.iter();
        channels.all(|place| self.get(carrier, place.channel).is_some())
    }

    /// RTP clock of a channel in Hz, where it is known.
    pub(super) fn clock_rate(&self, carrier: &Carrier, channel: u8) -> Option<u32> {
        self.get(carrier, channel)?.clock_rate
    }

    /// Whether the kernel may count from here on. It does not tell key pictures, so video is read until one has come: where
    /// none comes, that is the fault to be found.
    pub(super) fn let_go(&self, carrier: &Carrier, passing: &Passing) -> bool {
        let has_begun = |place: &ChannelAt| {
            let agreed = self.get(carrier, place.channel);
            let encoding = agreed.and_then(|agreed| agreed.encoding.as_deref());
            encoding.is_none_or(|encoding| place.key_pictures.suffice(encoding))
        };
        passing.channels.iter().all(has_begun)
    }

    fn get(&self, carrier: &Carrier, channel: u8) -> Option<&Agreed> {
        self.channels
            .get(&(carrier.tap, carrier.from, carrier.to, channel))
    }
}
