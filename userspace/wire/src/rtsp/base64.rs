//! The encoding of requests in an HTTP tunnel.

/// Base64 (RFC 4648 §4) that comes in pieces; whatever is not of its alphabet is passed over.
#[derive(Clone, Debug, Default)]
pub struct Base64 {
    bits: u32,
    digits: u8,
    decoded: u64,
}

impl Base64 {
    /// Bytes given or skipped so far.
    pub const fn decoded_len(&self) -> u64 {
        self.decoded
    }

    /// Passes over `len` bytes whose letters are missing; what follows begins anew.
    pub const fn skip(&mut self, len: u64) {
        *self = Self {
            bits: 0,
            digits: 0,
            decoded: self.decoded.saturating_add(len),
        };
    }

    /// The bytes that the next letters complete.
    pub fn decode(&mut self, text: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(text.len() / 4 * 3 + 3);
        for &letter in text {
            if letter == b'=' {
                self.flush(&mut plain);
            } else if let Some(value) = value_of(letter) {
                self.bits = self.bits << 6 | value;
                self.digits += 1;
                if self.digits == 4 {
                    self.flush(&mut plain);
                }
            }
        }
        self.decoded = self.decoded.saturating_add(plain.len() as u64);
        plain
    }

    /// Gives the whole bytes among the digits at hand.
    fn flush(&mut self, plain: &mut Vec<u8>) {
        let bits = u32::from(self.digits) * 6;
        let [_, bytes @ ..] = (self.bits << (24 - bits)).to_be_bytes();
        plain.extend(bytes.iter().take(bits as usize / 8));
        self.bits = 0;
        self.digits = 0;
    }
}

fn value_of(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&str]) -> String {
        let mut base64 = Base64::default();
        let plain: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| base64.decode(piece.as_bytes()))
            .collect();
        String::from_utf8(plain).expect("test text is ASCII")
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        assert_eq!(decode(&["T1B", "USU9OUw=", "="]), "OPTIONS");
        assert_eq!(decode(&["T", "1", "B", "U", "SU9O", "Uw=="]), "OPTIONS");
    }

    #[test]
    fn padding_in_the_middle_ends_one_request_and_begins_the_next() {
        assert_eq!(decode(&["UExBWQ==UExBWQ=="]), "PLAYPLAY");
    }

    #[test]
    fn line_ends_between_digits_mean_nothing() {
        assert_eq!(decode(&["UExB\r\nWQ==\r\n"]), "PLAY");
    }
}
