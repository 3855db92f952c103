//! The repeated parts of RTCP packets.

/// One reception report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source that is reported on.
    pub ssrc: u32,
    /// Part of the packets lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative where duplicates outnumber losses.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received.
    pub extended_highest_seq: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter_ticks: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 if there was none.
    pub last_sr: u32,
    /// Delay since that report in 65536ths of a second.
    pub delay_since_last_sr: u32,
}

const BLOCK_LEN: usize = 24;

impl ReportBlock {
    fn read(bytes: &[u8]) -> Option<Self> {
        let block: &[u8; BLOCK_LEN] = bytes.first_chunk()?;
        let lost = be32(block, 4)?;
        Some(Self {
            ssrc: be32(block, 0)?,
            fraction_lost: (lost >> 24) as u8,
            // The 24-bit field is signed: shifted up and back down to keep its sign.
            cumulative_lost: (lost << 8).cast_signed() >> 8,
            extended_highest_seq: be32(block, 8)?,
            jitter_ticks: be32(block, 12)?,
            last_sr: be32(block, 16)?,
            delay_since_last_sr: be32(block, 20)?,
        })
    }
}

/// The report blocks of one packet: as many as its header counts and its bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a> {
    bytes: &'a [u8],
    left: u8,
}

impl<'a> ReportBlocks<'a> {
    pub(super) const fn new(bytes: &'a [u8], count: u8) -> Self {
        Self { bytes, left: count }
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.left = self.left.checked_sub(1)?;
        let block = ReportBlock::read(self.bytes)?;
        self.bytes = self.bytes.get(BLOCK_LEN..)?;
        Some(block)
    }
}

/// The synchronisation sources that a BYE names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources<'a> {
    bytes: &'a [u8],
    left: u8,
}

impl<'a> Sources<'a> {
    pub(super) const fn new(bytes: &'a [u8], count: u8) -> Self {
        Self { bytes, left: count }
    }
}

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let ssrc = be32(self.bytes, 0)?;
        self.bytes = self.bytes.get(4..)?;
        Some(ssrc)
    }
}

/// The big-endian 32-bit number at `offset`.
pub(super) fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}
