//! `encrypted`: TLS or SRTP.

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The RTSP connection is TLS, or the media is SRTP. No ALG on the way can read or change it, and neither can this tool.",
    proof: "The connection's first bytes are a TLS handshake, or SETUP agreed on a secure profile (RTP/SAVP, RTP/SAVPF).",
    not_this: "It is no fault. Media over UDP with TLS signalling gets no help from any ALG, so the player must use TCP or send first.",
    remedies: &[
        "To look into such a session, let the camera be asked over plain rtsp:// for the time of the test",
    ],
};

/// Fires for a session that cannot be read, or whose media cannot.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let unreadable = view.session.legs.iter().find(|leg| leg.encrypted);
    if let Some(leg) = unreadable {
        let finding = Finding::new(
            Code::Encrypted,
            Severity::Info,
            view.subject(),
            "the connection is TLS and cannot be read",
        )
        .cause(format!("{} and {} speak TLS", leg.client, leg.server))
        .proof(leg.first, "the TLS connection begins");
        return vec![finding.remedies(EXPLANATION.remedies.iter().copied())];
    }
    let secure = view.facts.media().filter(|media| {
        media.media.set_up
            && media
                .media
                .profile
                .as_deref()
                .is_some_and(|profile| profile.contains("SAVP"))
    });
    secure
        .filter_map(|media| {
            let at = media.setup_request(0)?;
            let finding = Finding::new(
                Code::Encrypted,
                Severity::Info,
                view.medium(media.index),
                "the media is SRTP and cannot be read",
            );
            let profile = media.media.profile.as_deref().unwrap_or_default();
            Some(
                finding
                    .cause(format!("SETUP agreed on {profile}"))
                    .proof(at, "SETUP")
                    .remedies(EXPLANATION.remedies.iter().copied()),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    #[test]
    fn fires_for_tls_and_for_secure_media() {
        let mut tls = Scene::behind_nat("");
        tls.legs[0].encrypted = true;
        assert_eq!(tls.codes(), ["encrypted"]);
        let mut srtp = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
        srtp.media[0].profile = Some("RTP/SAVP".to_owned());
        assert_eq!(srtp.codes(), ["encrypted"]);
    }

    #[test]
    fn is_silent_for_plain_media() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(9, 9)
                .codes(),
            Vec::<&str>::new()
        );
    }
}
