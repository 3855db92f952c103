//! Compressed captures, unpacked while they are read.
//!
//! A cut or damaged file gives all that can be unpacked of it. Only then does reading end with an error, whose kind says
//! which of the two it was, so that the reader of the capture can tell it as the end of what there is.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes that are unpacked at once. Where the data is damaged, what the unpacker made of the last of them is
/// lost, so they are few.
const CHUNK_LEN: usize = 4 << 10;

/// A way in which captures are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Tells it by the first bytes of a file; `None` where they are those of no compressed file.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The unpacked bytes of `packed`; `None` if this build cannot unpack it.
    #[cfg_attr(
        not(feature = "zstd"),
        expect(clippy::unnecessary_wraps, reason = "only zstd can fail to begin")
    )]
    pub(super) fn unpack(self, packed: impl Read + 'static) -> io::Result<Option<Box<dyn Read>>> {
        let packed = BufReader::with_capacity(CHUNK_LEN, packed);
        let unpacked: Box<dyn Read> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            #[cfg(feature = "zstd")]
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(packed)?),
            #[cfg(not(feature = "zstd"))]
            Self::Zstd => return Ok(None),
        };
        Ok(Some(Box::new(Unpacked {
            unpacked,
            compression: self,
        })))
    }
}

/// Why reading of compressed data ended before its end, in the words of a person; `None` for other errors.
pub(super) fn early_end(error: &io::Error) -> Option<String> {
    let early = error.get_ref()?.downcast_ref::<EarlyEnd>()?;
    Some(early.to_string())
}

/// The end of what can be unpacked.
#[derive(Debug, thiserror::Error)]
enum EarlyEnd {
    #[error("ends in the middle of its {0} data")]
    Cut(&'static str),
    #[error("has damaged {0} data")]
    Damaged(&'static str),
}

/// Unpacked bytes; errors of the data, not those of reading it, become an [`EarlyEnd`].
struct Unpacked {
    unpacked: Box<dyn Read>,
    compression: Compression,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.unpacked.read(buffer).map_err(|error| {
            let name = self.compression.name();
            if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
                error
            } else if error.kind() == io::ErrorKind::UnexpectedEof {
                io::Error::other(EarlyEnd::Cut(name))
            } else {
                io::Error::other(EarlyEnd::Damaged(name))
            }
        })
    }
}
