//! The kernel programs inside a binary: they must be of the byte order of its machine, or its kernel refuses them.

use std::{fs, io::Read as _, path::Path};

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;
use object::{Architecture, Endianness, Object as _};

/// How a gzip stream begins whose content is deflated (RFC 1952 §2.3.1): the programs are packed.
const MAGIC: &[u8] = b"\x1f\x8b\x08";

/// More than the programs take.
const MAX_LEN: u64 = 8 << 20;

/// Checks that the binary has kernel programs, and only ones of its own byte order.
pub(super) fn check(binary: &Path) -> Result<()> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let own = object::File::parse(bytes.as_slice())
        .with_context(|| format!("{} is not a program", binary.display()))?
        .endianness();
    let orders = byte_orders(&bytes);
    if orders.is_empty() {
        bail!("{} has no kernel programs in it", binary.display());
    }
    if orders.iter().any(|order| *order != own) {
        bail!(
            "{} is {own:?}-endian, its kernel programs are not",
            binary.display()
        );
    }
    Ok(())
}

/// The byte orders of all objects for the kernel's machine.
fn byte_orders(bytes: &[u8]) -> Vec<Endianness> {
    let packed = bytes.windows(MAGIC.len()).enumerate();
    let packed = packed.filter(|(_, begin)| *begin == MAGIC);
    packed
        .filter_map(|(place, _)| {
            let mut object = Vec::new();
            let stream = GzDecoder::new(&bytes[place..]);
            stream.take(MAX_LEN).read_to_end(&mut object).ok()?;
            let file = object::File::parse(object.as_slice()).ok()?;
            (file.architecture() == Architecture::Bpf).then(|| file.endianness())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// The header of an object for the kernel's machine (`EM_BPF`, 247) without sections.
    fn object(big_endian: bool) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let mut put = |place: usize, value: u16| {
            let value = if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            };
            header[place..place + 2].copy_from_slice(&value);
        };
        put(16, 1);
        put(18, 247);
        put(52, 64);
        if big_endian {
            header[5] = 2;
            header[23] = 1;
        } else {
            header[20] = 1;
        }
        header
    }

    fn packed(object: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(object).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[test]
    fn objects_inside_a_program_are_found_with_their_byte_order() {
        let program = [
            b"program \x1f\x8b\x08 no stream".as_slice(),
            &packed(b"no object"),
            &packed(&object(true)),
            b"rest",
        ]
        .concat();
        assert_eq!(byte_orders(&program), [Endianness::Big]);
        let program = [b"program".as_slice(), &packed(&object(false))].concat();
        assert_eq!(byte_orders(&program), [Endianness::Little]);
        assert_eq!(byte_orders(b"program without any"), []);
    }
}
