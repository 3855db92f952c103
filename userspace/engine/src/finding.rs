//! A conclusion with its proof. No evidence, no finding.

use std::fmt::Write as _;

use crate::advice;
use crate::locator::Locator;

/// How bad it is for the person who wants to see the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, nothing to repair.
    Info,
    /// Works, but not as it should.
    Warning,
    /// No picture, or not for long.
    Error,
}

/// What a finding speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// [`crate::model::Session::id`]; `None` for the capture as a whole.
    pub session: Option<u32>,
    /// Index into the session's media; `None` for the session as a whole.
    pub media: Option<usize>,
}

/// One conclusion about a session or about the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// One sentence that says what is wrong.
    pub summary: String,
    /// Why, with the figures of this case.
    pub cause: String,
    /// Frames that prove it; never empty.
    pub evidence: Vec<Evidence>,
    /// What to do, best first.
    pub remedy: Vec<String>,
}

impl Finding {
    /// A finding without proof yet; the caller adds at least one.
    pub(crate) fn new(
        code: Code,
        severity: Severity,
        subject: Subject,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            subject,
            summary: summary.into(),
            cause: String::new(),
            evidence: Vec::new(),
            remedy: Vec::new(),
        }
    }

    /// Says why, with the figures of this case.
    #[must_use]
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into();
        self
    }

    /// Adds a proof.
    #[must_use]
    pub(crate) fn proof(mut self, at: Locator, note: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            at,
            note: note.into(),
        });
        self
    }

    /// Adds a proof where there is one.
    #[must_use]
    pub(crate) fn proof_if(self, at: Option<Locator>, note: impl Into<String>) -> Self {
        match at {
            Some(at) => self.proof(at, note),
            None => self,
        }
    }

    /// Adds what to do, best first.
    #[must_use]
    pub(crate) fn remedies<'a>(mut self, remedies: impl IntoIterator<Item = &'a str>) -> Self {
        self.remedy.extend(remedies.into_iter().map(str::to_owned));
        self
    }
}

/// What a code means, for a person who meets it for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What happens on the wire, and why.
    pub meaning: &'static str,
    /// What must be seen before it is said.
    pub proof: &'static str,
    /// What looks alike and is not it, and where nothing is concluded.
    pub not_this: &'static str,
    /// What to do, best first.
    pub remedies: &'static [&'static str],
}

impl Code {
    /// The page about this code in Markdown, as `docs/findings/` holds it.
    pub fn page(self) -> String {
        let Explanation {
            meaning,
            proof,
            not_this,
            remedies,
        } = *self.explanation();
        let mut steps = String::new();
        for (number, remedy) in (1..).zip(remedies) {
            let _ = writeln!(steps, "{number}. {remedy}");
        }
        format!(
            "# {}\n\n{}.\n\n{meaning}\n\n## What proves it\n\n{proof}\n\n## What is not it\n\n{not_this}\n\n## What to do\n\n{steps}",
            self.name(),
            capitalised(self.says()),
        ) + &further(remedies)
    }
}

/// What a page says besides: where more is to be read, and what an ALG is.
fn further(remedies: &[&str]) -> String {
    let mut out = String::new();
    if remedies
        .iter()
        .any(|remedy| advice::concerns_player(remedy))
    {
        out.push_str("\nHow each player is told to use TCP: [players](../advice/players.md).\n");
    }
    if remedies
        .iter()
        .any(|remedy| advice::concerns_router(remedy))
    {
        out.push_str("\nMenus and commands of each router: [routers](../advice/routers.md).\n");
    }
    if remedies.iter().any(|remedy| advice::concerns_alg(remedy)) {
        out.push_str("\nWhat an ALG is and what passthrough: [alg](../advice/alg.md).\n");
    }
    out
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Where it was seen.
    pub at: Locator,
    /// What is to be seen there.
    pub note: String,
}

/// Declares the finding codes once: variant, fixed name, one line for lists.
macro_rules! codes {
    ($($variant:ident = $name:literal, $says:literal;)*) => {
        /// The fixed names of findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $says] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that scripts rest on.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One line that says what it means.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }
        }
    };
}

codes! {
    RtpNeverArrived = "rtp-never-arrived", "media was negotiated and sent, and never came out on the client's side";
    RtpNeverSent = "rtp-never-sent", "media was negotiated, PLAY was accepted, and the server sent none";
    RtpWrongPort = "rtp-wrong-port", "media goes to or comes from a port other than the negotiated one";
    RtpWrongSource = "rtp-wrong-source", "media comes from an address other than the RTSP peer and its source=";
    RtpStalled = "rtp-stalled", "media came and then stopped while the session went on";
    RtpLoss = "rtp-loss", "loss that a viewer notices, and on which side of the router it began";
    LargePacketsLost = "large-packets-lost", "small packets pass, full-size ones do not (MTU)";
    MediaRefused = "media-refused", "media comes to the player's computer, which refuses it";
    RtcpNeverArrived = "rtcp-never-arrived", "RTP comes, its RTCP does not";
    MulticastNotJoined = "multicast-not-joined", "media goes to a multicast group and never came to the player: no IGMP or MLD report for it, or one in vain";
    NatNoPinhole = "nat-no-pinhole", "media reached the outside of the NAT and nothing had opened the way in";
    NatPortRandomised = "nat-port-randomised", "the hole punch left from another port than the one negotiated";
    MappingExpired = "mapping-expired", "the NAT's UDP mapping ended while media went on";
    NatSourcePortChanged = "nat-source-port-changed", "media reaches the client from another port than the server announced";
    NatPrivateAddressLeaked = "nat-private-address-leaked", "a private address in a message seen on the public side";
    AlgCorruptedMessage = "alg-corrupted-message", "the rewrite broke the message";
    AlgDroppedMessage = "alg-dropped-message", "a message entered the router and never left it";
    AlgMissedSetup = "alg-missed-setup", "the router has an ALG, but not for this SETUP";
    AlgReplyNotRestored = "alg-reply-not-restored", "the answer shows the client ports it never asked for";
    AlgRewroteMessage = "alg-rewrote-message", "fields of a message differ between the taps";
    AlgOpenedPinhole = "alg-opened-pinhole", "the router let media in without a rewrite";
    ProxyInPath = "proxy-in-path", "the router ends the connection and opens its own";
    ConnectionRefused = "connection-refused", "the connection was refused or never answered on the RTSP port";
    ConnectionClosed = "connection-closed", "the server, or something on the way, ended the connection while the session played";
    RequestUnanswered = "request-unanswered", "a request never got its answer";
    AuthenticationFailed = "authentication-failed", "401 again after credentials were sent";
    TransportRefused = "transport-refused", "461, or the answer names another transport than was asked for";
    ServerBusy = "server-busy", "the server has no room for another viewer (453, 503)";
    DescribeFailed = "describe-failed", "no usable description of the stream";
    RequestRefused = "request-refused", "the server refused a request without which nothing plays";
    NoReceiverReports = "no-receiver-reports", "the client sends no RTCP receiver reports to a server that stopped";
    NoKeyframe = "no-keyframe", "video flows, but no keyframe for many seconds: not the network";
    SessionTimedOut = "session-timed-out", "no request within the session timeout, and the server ended it";
    InterleavedDesync = "interleaved-desync", "the framing of media inside the RTSP connection was lost";
    SlowReceiver = "slow-receiver", "the player took no more bytes: a stalled TCP reader";
    ClientDependent = "client-dependent", "same camera, two players, one works: what differs";
    CameraDependent = "camera-dependent", "same player, two cameras, one works: what differs";
    ExposedToInternet = "exposed-to-internet", "a camera's RTSP port answers a public address, or its password crosses the WAN in clear";
    DifferentSubnets = "different-subnets", "camera and viewer are in different subnets, so a router is in the path";
    Encrypted = "encrypted", "TLS or SRTP: an ALG cannot rewrite it, and this tool cannot read it";
    CaptureIncomplete = "capture-incomplete", "what this capture cannot show";
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the test holds files of the documentation against the code"
)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn pages() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings")
    }

    /// `RTSPSCOPE_WRITE_PAGES=1 cargo test -p rtspscope-engine` writes the pages anew.
    #[test]
    fn the_pages_say_what_the_code_says() {
        let write = std::env::var_os("RTSPSCOPE_WRITE_PAGES").is_some();
        for code in Code::ALL {
            let path = pages().join(format!("{}.md", code.name()));
            if write {
                std::fs::write(&path, code.page()).unwrap();
            }
            let page = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(page, code.page(), "{}", path.display());
        }
    }

    #[test]
    fn every_page_is_about_a_code() {
        for entry in std::fs::read_dir(pages()).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let name = file.strip_suffix(".md").unwrap();
            assert!(Code::ALL.iter().any(|code| code.name() == name), "{file}");
        }
    }
}
