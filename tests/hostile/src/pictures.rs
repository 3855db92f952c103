//! Payloads of video: looking at one as if it were either codec tells the same as looking for each.

use rtspscope_wire::nal::{Glance, glance_both, glance_h264, glance_h265};
use rtspscope_wire::punch::is_hole_punch;

/// A quick look never tells more than a slow one, and what holds a picture is no punch.
pub fn pictures(payload: &[u8]) {
    let slow = [glance_h264(payload), glance_h265(payload)];
    let quick = glance_both(payload).unwrap_or_default();
    assert_eq!(quick, slow);
    let is_rtp = payload.len() >= 12 && payload[0] >> 6 == 2;
    assert!(!(is_rtp && is_hole_punch(payload)));
    if payload.is_empty() {
        assert_eq!(slow, [Glance::default(); 2]);
    }
}
