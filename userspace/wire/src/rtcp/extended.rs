//! The blocks of extended reports (RFC 3611 §4) that say something of loss and delay.

use super::blocks::be32;

/// One report block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtendedBlock<'a> {
    /// Type 4: the wall clock of a receiver that sends no sender reports (RFC 3611 §4.4).
    ReceiverReferenceTime {
        /// Seconds since 1900 in the high half, 2^-32 s in the low half.
        ntp: u64,
    },
    /// Type 5: answers to reference times (RFC 3611 §4.5).
    DelaySinceLastReceiverReport(SubBlocks<'a>),
    /// Type 6: a summary of an interval (RFC 3611 §4.6).
    StatisticsSummary(StatisticsSummary),
    /// Any other, or one too short for its own fields.
    Other {
        /// Block type.
        block_type: u8,
        /// What follows its header, as far as it is there.
        body: &'a [u8],
    },
}

/// One answer to a receiver's reference time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubBlock {
    /// The receiver that is answered.
    pub ssrc: u32,
    /// Middle 32 bits of its last reference time; 0 if there was none.
    pub last_rr: u32,
    /// Delay since that came in 65536ths of a second.
    pub delay_since_last_rr: u32,
}

/// The answers in one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubBlocks<'a> {
    bytes: &'a [u8],
}

/// What a receiver counted between two sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatisticsSummary {
    /// The source that is reported on.
    pub ssrc: u32,
    /// First sequence number of the interval.
    pub begin_seq: u16,
    /// The number behind the last.
    pub end_seq: u16,
    /// Packets lost, where the block says so.
    pub lost: Option<u32>,
    /// Duplicates, where the block says so.
    pub duplicates: Option<u32>,
    /// Mean jitter in RTP ticks, where the block says so.
    pub mean_jitter_ticks: Option<u32>,
}

/// The blocks of one extended report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> ExtendedBlocks<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for ExtendedBlocks<'a> {
    type Item = ExtendedBlock<'a>;

    fn next(&mut self) -> Option<ExtendedBlock<'a>> {
        let &[block_type, specific, high, low, ref behind @ ..] = self.rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([high, low])) * 4;
        let (body, rest) = behind.split_at(len.min(behind.len()));
        self.rest = rest;
        Some(read(block_type, specific, body).unwrap_or(ExtendedBlock::Other { block_type, body }))
    }
}

fn read(block_type: u8, specific: u8, body: &[u8]) -> Option<ExtendedBlock<'_>> {
    Some(match block_type {
        4 => ExtendedBlock::ReceiverReferenceTime {
            ntp: u64::from(be32(body, 0)?) << 32 | u64::from(be32(body, 4)?),
        },
        5 => ExtendedBlock::DelaySinceLastReceiverReport(SubBlocks { bytes: body }),
        6 => ExtendedBlock::StatisticsSummary(summary(specific, body)?),
        _ => return None,
    })
}

/// Flags of the type-specific byte say which fields mean anything: loss, duplicates, jitter from the top.
fn summary(flags: u8, body: &[u8]) -> Option<StatisticsSummary> {
    let sequences = be32(body, 4)?;
    let field = |flag: u8, value: u32| (flags & flag != 0).then_some(value);
    Some(StatisticsSummary {
        ssrc: be32(body, 0)?,
        begin_seq: (sequences >> 16) as u16,
        end_seq: sequences as u16,
        lost: field(0x80, be32(body, 8)?),
        duplicates: field(0x40, be32(body, 12)?),
        mean_jitter_ticks: field(0x20, be32(body, 24)?),
    })
}

impl Iterator for SubBlocks<'_> {
    type Item = SubBlock;

    fn next(&mut self) -> Option<SubBlock> {
        let block = SubBlock {
            ssrc: be32(self.bytes, 0)?,
            last_rr: be32(self.bytes, 4)?,
            delay_since_last_rr: be32(self.bytes, 8)?,
        };
        self.bytes = self.bytes.get(12..)?;
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(values: &[u32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_be_bytes())
            .collect()
    }

    fn read_all(bytes: &[u8]) -> Vec<ExtendedBlock<'_>> {
        ExtendedBlocks::new(bytes).collect()
    }

    #[test]
    fn a_reference_time_and_its_answer_are_read() {
        let bytes = words(&[
            0x0400_0002,
            0xE000_0000,
            0x8000_0000,
            0x0500_0003,
            7,
            8,
            65_536,
        ]);
        let blocks = read_all(&bytes);
        let [
            ExtendedBlock::ReceiverReferenceTime { ntp },
            ExtendedBlock::DelaySinceLastReceiverReport(answers),
        ] = &blocks[..]
        else {
            panic!("two blocks, not {blocks:?}")
        };
        assert_eq!(*ntp, 0xE000_0000_8000_0000);
        let answer = SubBlock {
            ssrc: 7,
            last_rr: 8,
            delay_since_last_rr: 65_536,
        };
        assert_eq!(answers.clone().collect::<Vec<_>>(), [answer]);
    }

    #[test]
    fn a_summary_tells_only_what_its_flags_name() {
        let body = [7, 0x0064_00c8, 3, 4, 10, 30, 20, 5, 0];
        let bytes = [words(&[0x06A0_0009]), words(&body)].concat();
        let summary = StatisticsSummary {
            ssrc: 7,
            begin_seq: 100,
            end_seq: 200,
            lost: Some(3),
            duplicates: None,
            mean_jitter_ticks: Some(20),
        };
        assert_eq!(
            read_all(&bytes),
            [ExtendedBlock::StatisticsSummary(summary)]
        );
    }

    #[test]
    fn unknown_and_cut_blocks_are_kept_as_they_are() {
        let bytes = words(&[0x0100_0001, 9, 0x0400_0002, 1]);
        let cut = &[0, 0, 0, 1][..];
        assert_eq!(
            read_all(&bytes),
            [
                ExtendedBlock::Other {
                    block_type: 1,
                    body: &[0, 0, 0, 9]
                },
                ExtendedBlock::Other {
                    block_type: 4,
                    body: cut
                },
            ]
        );
        assert_eq!(read_all(&bytes[..3]), []);
    }
}
