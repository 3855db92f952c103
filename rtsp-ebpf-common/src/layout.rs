//! The order in which counters are saved to a file and read back: one list of fields per struct serves both ways.

use crate::flow::{FlowStats, RtcpCounters};

/// Steps over fields of given widths, to write them or to replace them.
pub trait Fields {
    /// The next field, eight bytes wide.
    fn field_u64(&mut self, value: &mut u64);
    /// The next field, four bytes wide.
    fn field_u32(&mut self, value: &mut u32);
    /// The next field, one byte wide.
    fn field_u8(&mut self, value: &mut u8);

    /// The next field, eight bytes wide and signed.
    fn field_i64(&mut self, value: &mut i64) {
        let mut bits = value.cast_unsigned();
        self.field_u64(&mut bits);
        *value = bits.cast_signed();
    }
}

impl FlowStats {
    /// Steps over all fields in an order that stays as it is while [`FlowStats::LAYOUT_VERSION`] does.
    pub fn visit_fields(&mut self, fields: &mut impl Fields) {
        fields.field_u64(&mut self.packets);
        fields.field_u64(&mut self.bytes);
        fields.field_i64(&mut self.first_ns);
        fields.field_i64(&mut self.last_ns);
        fields.field_u64(&mut self.max_gap_ns);
        self.rtp.visit_fields(fields);
        self.second.visit_fields(fields);
        self.rtcp.visit_fields(fields);
        fields.field_u64(&mut self.stun_packets);
        fields.field_u64(&mut self.dtls_packets);
        fields.field_u64(&mut self.other_packets);
    }

    /// Grows with every change of the fields or of their order.
    pub const LAYOUT_VERSION: u16 = 2;
}

impl RtcpCounters {
    fn visit_fields(&mut self, fields: &mut impl Fields) {
        fields.field_u64(&mut self.packets);
        fields.field_u64(&mut self.bytes);
        fields.field_u64(&mut self.sender_reports);
        fields.field_u64(&mut self.receiver_reports);
        fields.field_u64(&mut self.byes);
        fields.field_i64(&mut self.first_ns);
        fields.field_i64(&mut self.last_ns);
    }
}
