//! Capture files rewritten from one format to another, so that a test can say: these must read the same.
//!
//! Reads the classic format as tcpdump writes it here (little-endian, microseconds), and writes classic pcap in both
//! byte orders and both resolutions, and pcapng with one interface per tap.

use std::io;

const MAGIC_MICROS: u32 = 0xA1B2_C3D4;
const MAGIC_NANOS: u32 = 0xA1B2_3C4D;
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;

/// One captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whole seconds since 1970.
    pub seconds: u32,
    /// Microseconds of the second.
    pub micros: u32,
    /// Length on the wire, in bytes.
    pub original_len: u32,
    /// The captured bytes.
    pub bytes: Vec<u8>,
}

/// A classic capture: its link type and frames.
#[derive(Debug, Clone)]
pub struct Capture {
    /// LINKTYPE of all frames.
    pub link_type: u32,
    /// The frames in file order.
    pub records: Vec<Record>,
}

/// Order of the bytes of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Unit of the fraction of a second in a classic file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Capture {
    /// Reads a classic little-endian microsecond file; a record cut off by the end of the file is left out.
    pub fn read(file: &[u8]) -> io::Result<Self> {
        let number = |at: usize| -> Option<u32> {
            let bytes = file.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        if number(0) != Some(MAGIC_MICROS) {
            return Err(io::Error::other("no little-endian microsecond pcap"));
        }
        let link_type = number(20).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut records = Vec::new();
        let mut at = FILE_HEADER_LEN;
        while let (Some(seconds), Some(micros), Some(len), Some(original_len)) =
            (number(at), number(at + 4), number(at + 8), number(at + 12))
        {
            let start = at + RECORD_HEADER_LEN;
            let Some(bytes) = file.get(start..start + len as usize) else {
                break;
            };
            records.push(Record {
                seconds,
                micros,
                original_len,
                bytes: bytes.to_vec(),
            });
            at = start + len as usize;
        }
        Ok(Self { link_type, records })
    }

    /// The same capture as a classic file.
    pub fn write(&self, order: ByteOrder, resolution: Resolution) -> Vec<u8> {
        let mut out = Writer {
            order,
            bytes: Vec::new(),
        };
        let (magic, nanos_factor) = match resolution {
            Resolution::Micros => (MAGIC_MICROS, 1),
            Resolution::Nanos => (MAGIC_NANOS, 1000),
        };
        out.u32(magic)
            .u16(2)
            .u16(4)
            .u32(0)
            .u32(0)
            .u32(262_144)
            .u32(self.link_type);
        for record in &self.records {
            out.u32(record.seconds).u32(record.micros * nanos_factor);
            out.u32(record.bytes.len() as u32)
                .u32(record.original_len)
                .raw(&record.bytes);
        }
        out.bytes
    }
}

/// Several captures as the interfaces of one pcapng file, their frames in order of time.
pub fn write_pcapng(interfaces: &[(&str, &Capture)], order: ByteOrder) -> Vec<u8> {
    let mut out = Writer {
        order,
        bytes: Vec::new(),
    };
    // Section header: byte-order magic, version 1.0, section length unknown.
    out.block(0x0A0D_0D0A, |body| {
        body.u32(0x1A2B_3C4D)
            .u16(1)
            .u16(0)
            .u32(u32::MAX)
            .u32(u32::MAX);
    });
    for (name, capture) in interfaces {
        // Interface description: link type, snap length, option if_name (2), end of options.
        out.block(1, |body| {
            body.u16(capture.link_type as u16).u16(0).u32(262_144);
            body.u16(2)
                .u16(name.len() as u16)
                .raw(name.as_bytes())
                .pad()
                .u16(0)
                .u16(0);
        });
    }
    let mut frames: Vec<(u32, &Record)> = (0..)
        .zip(interfaces)
        .flat_map(|(index, (_, capture))| capture.records.iter().map(move |record| (index, record)))
        .collect();
    frames.sort_by_key(|(_, record)| (record.seconds, record.micros));
    for (index, record) in frames {
        let time = u64::from(record.seconds) * 1_000_000 + u64::from(record.micros);
        // Enhanced packet: interface, time in microseconds (the default resolution), lengths, bytes.
        out.block(6, |body| {
            body.u32(index).u32((time >> 32) as u32).u32(time as u32);
            body.u32(record.bytes.len() as u32)
                .u32(record.original_len)
                .raw(&record.bytes)
                .pad();
        });
    }
    out.bytes
}

/// Bytes of a file in a chosen byte order.
struct Writer {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Writer {
    fn u16(&mut self, value: u16) -> &mut Self {
        match self.order {
            ByteOrder::Little => self.raw(&value.to_le_bytes()),
            ByteOrder::Big => self.raw(&value.to_be_bytes()),
        }
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        match self.order {
            ByteOrder::Little => self.raw(&value.to_le_bytes()),
            ByteOrder::Big => self.raw(&value.to_be_bytes()),
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Fills up to a multiple of four bytes.
    fn pad(&mut self) -> &mut Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Writes a pcapng block: type, total length, body, total length again.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let mut inner = Self {
            order: self.order,
            bytes: Vec::new(),
        };
        body(&mut inner);
        let total_len = inner.bytes.len() as u32 + 12;
        self.u32(kind)
            .u32(total_len)
            .raw(&inner.bytes)
            .u32(total_len);
    }
}
