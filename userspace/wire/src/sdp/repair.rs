//! Which packets of a medium repeat or repair others (RFC 4588, RFC 5109, RFC 8627), and where its decoder is described.

use super::SdpMedia;

/// Parameters of `a=fmtp` that hold parameter sets (RFC 6184 §8.1, RFC 7798 §7.1).
const SPROPS: [&str; 4] = [
    "sprop-parameter-sets",
    "sprop-vps",
    "sprop-sps",
    "sprop-pps",
];

impl SdpMedia<'_> {
    /// Payload types that carry retransmissions (`rtx`) or forward error correction, without the medium's own.
    pub fn repair_payload_types(&self) -> Vec<u8> {
        let repairs = self.rtpmaps.iter().filter(|map| {
            let name = map.encoding.text().to_ascii_lowercase();
            name == "rtx" || name.contains("fec")
        });
        repairs
            .map(|map| map.payload_type)
            .filter(|payload_type| Some(*payload_type) != self.payload_type)
            .collect()
    }

    /// Synchronisation sources that only repeat or repair: all but the first of each `a=ssrc-group` of that meaning
    /// (RFC 5576 §4.2, RFC 5956 §4.3).
    pub fn repair_sources(&self) -> Vec<u32> {
        let groups = self
            .attributes
            .iter()
            .filter(|attribute| attribute.name.is("ssrc-group"))
            .filter_map(|attribute| attribute.value.as_ref());
        groups
            .flat_map(|group| {
                let text = group.text().into_owned();
                let mut words = text.split_ascii_whitespace();
                let meaning = words.next().unwrap_or_default();
                let is_repair = ["FID", "FEC", "FEC-FR"]
                    .iter()
                    .any(|name| meaning.eq_ignore_ascii_case(name));
                let sources: Vec<u32> = words
                    .skip(1)
                    .filter(|_| is_repair)
                    .filter_map(|source| source.parse().ok())
                    .collect();
                sources
            })
            .collect()
    }

    /// Whether an `a=fmtp` of the medium's payload type holds parameter sets.
    pub fn has_parameter_sets(&self) -> bool {
        let own = self
            .fmtps
            .iter()
            .filter(|fmtp| Some(fmtp.payload_type) == self.payload_type);
        own.map(|fmtp| fmtp.parameters.text()).any(|parameters| {
            let mut parts = parameters
                .split(';')
                .filter_map(|part| part.split_once('='));
            parts.any(|(name, value)| {
                let is_sprop = SPROPS
                    .iter()
                    .any(|sprop| name.trim().eq_ignore_ascii_case(sprop));
                is_sprop && !value.trim().is_empty()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sdp::parse;

    const BODY: &[u8] = b"v=0\r\nm=video 0 RTP/AVPF 96 97 98 99\r\n\
        a=rtpmap:96 H264/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96;rtx-time=3000\r\n\
        a=rtpmap:98 ulpfec/90000\r\na=rtpmap:99 flexfec-03/90000\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IA,aM4=\r\n\
        a=ssrc-group:FID 1000 2000\r\na=ssrc-group:FEC-FR 1000 3000\r\na=ssrc-group:SIM 1000 4000\r\n\
        m=video 0 RTP/AVP 97\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 sprop-sps=\r\n";

    #[test]
    fn what_repairs_a_medium_is_told_from_the_medium() {
        let sdp = parse(BODY).value;
        assert_eq!(sdp.media[0].repair_payload_types(), [97, 98, 99]);
        assert_eq!(sdp.media[0].repair_sources(), [2000, 3000]);
    }

    #[test]
    fn a_stream_of_its_own_for_retransmissions_is_no_repair_of_itself() {
        assert_eq!(parse(BODY).value.media[1].repair_payload_types(), []);
    }

    #[test]
    fn parameter_sets_are_found_where_they_are_not_empty() {
        let sdp = parse(BODY).value;
        assert!(sdp.media[0].has_parameter_sets());
        assert!(!sdp.media[1].has_parameter_sets());
    }
}
