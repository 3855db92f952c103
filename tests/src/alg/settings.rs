//! What the gateway is to do, and which faults it is to have.

use super::{Direction, edit};

/// One way in which a gateway spoils a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The reply keeps the ports of the rewritten request.
    KeepReply,
    /// The CR at the end of a rewritten Transport line is lost.
    EatCr,
    /// SETUP requests are swallowed.
    DropSetup,
    /// PLAY requests are swallowed.
    DropPlay,
    /// The Content-Length of a DESCRIBE reply is one too many.
    WrongContentLength,
    /// The `c=` address of an SDP becomes the client's own; lengths are kept right.
    SdpAddress,
    /// Of several SETUP requests in a segment only the first is handled.
    FirstSetupOnly,
    /// Nothing is let in at the ports that the text names.
    NoPinhole,
    /// The text stays as it is (the ports of the request are opened all the same).
    KeepText,
    /// Only the RTP port of a pair is let in.
    RtpOnly,
    /// Only `;client_port=` without a space before it is known, as some makers' helpers read it.
    StrictText,
    /// The Session field of a PLAY request is left out.
    LoseSession,
    /// Bytes in the middle of a PLAY request are garbled.
    Garble,
    /// Bytes of a PLAY request's first line are garbled, so that it is none any more.
    GarbleLine,
    /// The last line of a DESCRIBE reply's body is cut off.
    CutBody,
    /// Sequence numbers are not adjusted after a change of length.
    NoAdjustment,
    /// A TEARDOWN request is sent on twice.
    DoubleTeardown,
    /// The blank line between two SETUP requests of a segment is lost, so that they become one.
    MergeSetups,
    /// The requests of a segment change places.
    SwapRequests,
    /// The answer to SETUP is sent on twice.
    DoubleReply,
    /// The answer to SETUP is swallowed.
    DropReply,
}

impl Fault {
    const ALL: [(&str, Self); 21] = [
        ("keep-reply", Self::KeepReply),
        ("eat-cr", Self::EatCr),
        ("drop-setup", Self::DropSetup),
        ("drop-play", Self::DropPlay),
        ("wrong-content-length", Self::WrongContentLength),
        ("sdp-address", Self::SdpAddress),
        ("first-setup-only", Self::FirstSetupOnly),
        ("no-pinhole", Self::NoPinhole),
        ("keep-text", Self::KeepText),
        ("rtp-only", Self::RtpOnly),
        ("strict-text", Self::StrictText),
        ("lose-session", Self::LoseSession),
        ("garble", Self::Garble),
        ("garble-line", Self::GarbleLine),
        ("cut-body", Self::CutBody),
        ("no-adjustment", Self::NoAdjustment),
        ("double-teardown", Self::DoubleTeardown),
        ("merge-setups", Self::MergeSetups),
        ("swap-requests", Self::SwapRequests),
        ("double-reply", Self::DoubleReply),
        ("drop-reply", Self::DropReply),
    ];
}

/// The gateway's settings, as the command line of `lab-alg` gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// TCP port that is taken for RTSP.
    pub rtsp_port: u16,
    /// First RTP port given in place of an asked one; each further SETUP gets the next pair.
    pub first_port: u16,
    /// Faults switched on.
    pub faults: Vec<Fault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rtsp_port: 554,
            first_port: 10_000,
            faults: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads `--port N`, `--first-port N` and any number of `--fault NAME`; the error says what was wrong.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self::default();
        while let Some(option) = args.next() {
            let value = args
                .next()
                .ok_or_else(|| format!("{option} needs a value"))?;
            let number = || {
                value
                    .parse::<u16>()
                    .map_err(|error| format!("{option} {value}: {error}"))
            };
            match option.as_str() {
                "--port" => settings.rtsp_port = number()?,
                "--first-port" => settings.first_port = number()?,
                "--fault" => {
                    let known = Fault::ALL.iter().find(|(name, _)| *name == value);
                    settings
                        .faults
                        .push(known.ok_or_else(|| format!("no such fault: {value}"))?.1);
                }
                _ => return Err(format!("no such option: {option}")),
            }
        }
        Ok(settings)
    }

    /// Whether a fault is switched on.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether a segment with this payload is to be swallowed.
    pub(super) fn drops(&self, direction: Direction, payload: &[u8]) -> bool {
        match direction {
            Direction::ToServer => {
                (self.has(Fault::DropSetup) && payload.starts_with(b"SETUP "))
                    || (self.has(Fault::DropPlay) && payload.starts_with(b"PLAY "))
            }
            Direction::ToClient => self.has(Fault::DropReply) && edit::answers_setup(payload),
        }
    }
}
