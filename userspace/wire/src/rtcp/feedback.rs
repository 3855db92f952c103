//! Feedback of receivers (RFC 4585, RFC 5104): what they miss, and whether they ask for a whole picture.

use super::blocks::be32;

/// A feedback packet (RFC 4585 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback<'a> {
    /// Who asks.
    pub ssrc: u32,
    /// The source that is spoken of; 0 where the message names its sources itself.
    pub media_ssrc: u32,
    /// What it says.
    pub message: FeedbackMessage<'a>,
}

/// What a feedback packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedbackMessage<'a> {
    /// These packets are missing (RFC 4585 §6.2.1).
    Nack(Nacks<'a>),
    /// A picture is lost: send a whole one (RFC 4585 §6.3.1).
    PictureLoss,
    /// Send a whole picture (RFC 5104 §4.3.1).
    FullIntraRequest,
    /// Anything else.
    Other {
        /// 205 for the transport layer, 206 for the payload.
        packet_type: u8,
        /// Feedback message type.
        format: u8,
        /// Feedback control information.
        information: &'a [u8],
    },
}

/// Sequence numbers that a receiver misses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nacks<'a> {
    bytes: &'a [u8],
    base: u16,
    /// Bit 0 stands for `base`.
    left: u32,
}

impl<'a> Feedback<'a> {
    pub(super) fn read(packet_type: u8, format: u8, body: &'a [u8]) -> Option<Self> {
        let information = body.get(8..)?;
        let message = match (packet_type, format) {
            (205, 1) => FeedbackMessage::Nack(Nacks {
                bytes: information,
                base: 0,
                left: 0,
            }),
            (206, 1) => FeedbackMessage::PictureLoss,
            (206, 4) => FeedbackMessage::FullIntraRequest,
            _ => FeedbackMessage::Other {
                packet_type,
                format,
                information,
            },
        };
        Some(Self {
            ssrc: be32(body, 0)?,
            media_ssrc: be32(body, 4)?,
            message,
        })
    }
}

impl Iterator for Nacks<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.left == 0 {
            let pair = be32(self.bytes, 0)?;
            self.bytes = self.bytes.get(4..)?;
            self.base = (pair >> 16) as u16;
            self.left = (pair & 0xffff) << 1 | 1;
        }
        let step = self.left.trailing_zeros();
        self.left &= self.left - 1;
        Some(self.base.wrapping_add(step as u16))
    }
}
