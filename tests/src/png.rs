//! Pictures as a browser writes them: PNG (RFC 2083) of eight bits per channel, not interlaced, with or without alpha.

use std::collections::BTreeSet;
use std::io::{self, Read};

use flate2::read::ZlibDecoder;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture.
#[derive(Debug)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a picture.
    pub fn read(file: &[u8]) -> io::Result<Self> {
        let bad = |what: &str| io::Error::other(format!("not a PNG of the usual kind: {what}"));
        let mut rest = file
            .strip_prefix(SIGNATURE)
            .ok_or_else(|| bad("signature"))?;
        let (mut header, mut packed) = (None, Vec::new());
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let len = u32::from_be_bytes(*len) as usize;
            let (kind, after) = after.split_first_chunk::<4>().ok_or_else(|| bad("chunk"))?;
            let (data, after) = after.split_at_checked(len).ok_or_else(|| bad("length"))?;
            match kind {
                b"IHDR" => header = Some(data),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            // The checksum.
            rest = after.get(4..).ok_or_else(|| bad("end"))?;
        }
        let header = header
            .filter(|header| header.len() == 13)
            .ok_or_else(|| bad("header"))?;
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            u32::from_be_bytes(bytes) as usize
        };
        let channels = match (header[8], header[9], header[12]) {
            (8, 2, 0) => 3,
            (8, 6, 0) => 4,
            _ => return Err(bad("depth, colour or interlacing")),
        };
        let (width, height) = (number(0), number(4));
        let mut lines = Vec::new();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut lines)?;
        if lines.len() != height * (1 + width * channels) {
            return Err(bad("size"));
        }
        Ok(Self {
            width,
            height,
            pixels: unfiltered(&lines, width * channels, channels),
        })
    }

    /// How many colours it has.
    pub fn colors(&self) -> usize {
        self.pixels.iter().collect::<BTreeSet<_>>().len()
    }

    /// The part of it, from 0 to 1, that has the colour of its upper left corner.
    pub fn ground(&self) -> f64 {
        let same = self
            .pixels
            .iter()
            .filter(|pixel| **pixel == self.pixels[0])
            .count();
        same as f64 / self.pixels.len() as f64
    }
}

/// Undoes the filters of the rows (RFC 2083 section 6).
fn unfiltered(lines: &[u8], row_len: usize, channels: usize) -> Vec<[u8; 3]> {
    let mut above = vec![0_u8; row_len];
    let mut pixels = Vec::new();
    for line in lines.chunks_exact(1 + row_len) {
        let mut row = line[1..].to_vec();
        for at in 0..row_len {
            let left = if at >= channels {
                row[at - channels]
            } else {
                0
            };
            let corner = if at >= channels {
                above[at - channels]
            } else {
                0
            };
            let predicted = match line[0] {
                1 => left,
                2 => above[at],
                3 => u8::midpoint(left, above[at]),
                4 => paeth(left, above[at], corner),
                _ => 0,
            };
            row[at] = row[at].wrapping_add(predicted);
        }
        pixels.extend(
            row.chunks_exact(channels)
                .map(|pixel| [pixel[0], pixel[1], pixel[2]]),
        );
        above = row;
    }
    pixels
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i32::from);
    let estimate = a + b - c;
    let [by_left, by_above, by_corner] = [a, b, c].map(|value| (estimate - value).abs());
    if by_left <= by_above && by_left <= by_corner {
        left
    } else if by_above <= by_corner {
        above
    } else {
        corner
    }
}
