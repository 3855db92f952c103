//! The requests of an HTTP tunnel: any cut of the letters gives the same bytes.

use rtspscope_wire::rtsp::base64::Base64;

use crate::split::{parts, seeded};

/// The first eight bytes decide the cuts; the rest is the text on the POST connection.
pub fn tunnel(data: &[u8]) {
    let Some((mut numbers, text)) = seeded(data) else {
        return;
    };
    let mut whole = Base64::default();
    let plain = whole.decode(text);
    assert_eq!(whole.decoded_len(), plain.len() as u64);
    assert!(plain.len() <= text.len());
    let mut cut = Base64::default();
    let mut joined = Vec::new();
    for part in parts(text, &mut numbers) {
        joined.extend(cut.decode(part));
    }
    assert_eq!(joined, plain);
    assert_eq!(cut.decoded_len(), plain.len() as u64);
}
