//! Captures put together block by block.

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Order {
    big: bool,
}

pub(super) const LITTLE: Order = Order { big: false };
pub(super) const BIG: Order = Order { big: true };

impl Order {
    pub(super) fn u16(self, value: u16) -> Vec<u8> {
        if self.big {
            value.to_be_bytes().to_vec()
        } else {
            value.to_le_bytes().to_vec()
        }
    }

    pub(super) fn u32(self, value: u32) -> Vec<u8> {
        if self.big {
            value.to_be_bytes().to_vec()
        } else {
            value.to_le_bytes().to_vec()
        }
    }

    pub(super) fn u64(self, value: u64) -> Vec<u8> {
        if self.big {
            value.to_be_bytes().to_vec()
        } else {
            value.to_le_bytes().to_vec()
        }
    }

    pub(super) fn pcap(self, magic: u32, link_type: u32) -> Vec<u8> {
        [
            self.u32(magic),
            self.u16(2),
            self.u16(4),
            self.u32(0),
            self.u32(0),
            self.u32(65_535),
            self.u32(link_type),
        ]
        .concat()
    }

    pub(super) fn record(self, secs: u32, fraction: u32, bytes: &[u8]) -> Vec<u8> {
        let len = bytes.len() as u32;
        [
            self.u32(secs),
            self.u32(fraction),
            self.u32(len),
            self.u32(len + 4),
            bytes.to_vec(),
        ]
        .concat()
    }

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = (body.len() + padding.len() + 12) as u32;
        [
            self.u32(kind),
            self.u32(len),
            body.to_vec(),
            padding,
            self.u32(len),
        ]
        .concat()
    }

    pub(super) fn section(self) -> Vec<u8> {
        self.block(
            0x0a0d_0d0a,
            &[
                self.u32(0x1a2b_3c4d),
                self.u16(1),
                self.u16(0),
                self.u64(u64::MAX),
            ]
            .concat(),
        )
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [
            self.u16(code),
            self.u16(value.len() as u16),
            value.to_vec(),
            padding,
        ]
        .concat()
    }

    pub(super) fn interface(self, link_type: u16, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(
            1,
            &[
                self.u16(link_type),
                self.u16(0),
                self.u32(0),
                options.concat(),
            ]
            .concat(),
        )
    }

    pub(super) fn enhanced(
        self,
        interface: u32,
        ticks: u64,
        bytes: &[u8],
        options: &[Vec<u8>],
    ) -> Vec<u8> {
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        let (high, low) = (self.u32((ticks >> 32) as u32), self.u32(ticks as u32));
        let len = self.u32(bytes.len() as u32);
        self.block(
            6,
            &[
                self.u32(interface),
                high,
                low,
                len.clone(),
                len,
                bytes.to_vec(),
                padding,
                options.concat(),
            ]
            .concat(),
        )
    }

    pub(super) fn statistics(self, interface: u32, dropped: u64) -> Vec<u8> {
        self.block(
            5,
            &[
                self.u32(interface),
                self.u32(0),
                self.u32(0),
                self.option(5, &self.u64(dropped)),
            ]
            .concat(),
        )
    }
}
