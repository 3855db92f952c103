//! Segments longer than an IP header can say, where the kernel makes them.

use std::io;

use rtspscope_tests::big_tcp::{self, Family};
use rtspscope_tests::cable::{Cable, End, Hook};

/// First kernels with BIG TCP.
const V6_SINCE: (u32, u32) = (5, 19);
const V4_SINCE: (u32, u32) = (6, 3);

/// Plays a session of such segments in each IP version that has them, and holds the counts against what was sent.
pub(crate) fn count(release: (u32, u32)) -> io::Result<String> {
    let families = [
        (Family::V6, V6_SINCE, "IPv6"),
        (Family::V4, V4_SINCE, "IPv4"),
    ];
    let mut told = Vec::new();
    for (family, since, name) in families {
        if release < since {
            continue;
        }
        let cable = Cable::new()?;
        big_tcp::prepare(&cable, family)?;
        let watch = cable.watch(End::Near, Hook::Auto)?;
        let recording = watch.recording().to_string_lossy().into_owned();
        big_tcp::play(&cable, family)?;
        big_tcp::check(&watch.finish()?)?;
        match big_tcp::long_frames(&recording)? {
            (1.., false) => told.push(name),
            (long, is_cut) => {
                let what = format!("{name}: {long} long frames, cut: {is_cut}");
                return Err(io::Error::other(what));
            }
        }
    }
    if told.is_empty() {
        return Ok("none before 5.19".to_owned());
    }
    Ok(format!("exact ({})", told.join(", ")))
}
