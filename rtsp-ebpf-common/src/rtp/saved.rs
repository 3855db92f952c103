//! The fields of [`RtpCounters`] in the order in which they are saved, private ones included.

use super::RtpCounters;
use crate::layout::Fields;

impl RtpCounters {
    pub(crate) fn visit_fields(&mut self, fields: &mut impl Fields) {
        let Self {
            packets,
            bytes,
            duplicates,
            reordered,
            strays,
            first_ns,
            last_ns,
            max_gap_ns,
            closed_expected,
            distinct,
            lowest,
            highest,
            window,
            jitter_scaled_ns,
            jitter_samples,
            pace,
            ssrc,
            probe,
            restarts,
            ssrc_changes,
            payload_type_changes,
            payload_type,
            proven,
            probe_keeps_pace,
            _pad,
        } = self;
        for field in [packets, bytes, duplicates, reordered, strays] {
            fields.field_u64(field);
        }
        fields.field_i64(first_ns);
        fields.field_i64(last_ns);
        for field in [max_gap_ns, closed_expected, distinct, lowest, highest] {
            fields.field_u64(field);
        }
        for word in window.words_mut() {
            fields.field_u64(word);
        }
        for field in [jitter_scaled_ns, jitter_samples] {
            fields.field_u64(field);
        }
        fields.field_i64(&mut pace.since_ns);
        fields.field_i64(&mut pace.last_ns);
        for field in [&mut pace.since_timestamp, &mut pace.last_timestamp] {
            fields.field_u32(field);
        }
        for field in [ssrc, probe, restarts, ssrc_changes, payload_type_changes] {
            fields.field_u32(field);
        }
        for field in [payload_type, proven, probe_keeps_pace] {
            fields.field_u8(field);
        }
    }
}
