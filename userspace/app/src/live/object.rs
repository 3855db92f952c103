//! The kernel programs, as the build packed them.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;

/// Alignment of an ELF object of 64 bits.
const ALIGNMENT: usize = 8;

/// The object, where its reader may have it: at an address that its largest fields divide.
pub(super) struct Object {
    bytes: Vec<u8>,
    begin: usize,
}

impl Object {
    /// Unpacks it. Fails where this program was damaged.
    pub(super) fn unpack() -> io::Result<Self> {
        unpack(include_bytes!(concat!(env!("OUT_DIR"), "/rtsp-ebpf.gz")))
    }

    /// The object.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.begin..).unwrap_or_default()
    }
}

fn unpack(packed: &[u8]) -> io::Result<Object> {
    let mut bytes: Vec<u8> = Vec::with_capacity(unpacked_len(packed) + ALIGNMENT);
    let begin = bytes.as_ptr().align_offset(ALIGNMENT);
    bytes.resize(begin, 0);
    // The vector has room for all, so it stays where it is.
    GzDecoder::new(packed).read_to_end(&mut bytes)?;
    Ok(Object { bytes, begin })
}

/// The length at the end of a gzip stream (RFC 1952 §2.3.1).
fn unpacked_len(packed: &[u8]) -> usize {
    let (_, len) = packed.split_last_chunk().unwrap_or((&[], &[0; 4]));
    u32::from_le_bytes(*len) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_an_elf_object_at_an_aligned_address() {
        let object = Object::unpack().expect("what the build packed");
        assert_eq!(object.bytes().first_chunk(), Some(b"\x7fELF"));
        assert_eq!(object.bytes().as_ptr().align_offset(ALIGNMENT), 0);
        let packed = include_bytes!(concat!(env!("OUT_DIR"), "/rtsp-ebpf.gz"));
        assert_eq!(object.bytes().len(), unpacked_len(packed));
    }

    #[test]
    fn a_damaged_object_is_an_error() {
        let packed = include_bytes!(concat!(env!("OUT_DIR"), "/rtsp-ebpf.gz"));
        let mut packed = packed.to_vec();
        let middle = packed.len() / 2;
        packed[middle] ^= 0xff;
        assert!(unpack(&packed).is_err());
    }
}
