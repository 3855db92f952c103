//! The camera's command line.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Camera, Manner};

impl Camera {
    /// Reads `--port N`, `--media N`, `--status METHOD=CODE` (any number), `--media-address ADDRESS`, `--announced-port N`,
    /// `--group ADDRESS`, `--called HOST`, `--padding BYTES`, `--timeout-s N`, `--pause-ms AFTER-FOR`, `--stop-after-ms N`,
    /// `--sizes SMALL-LARGE` (payload bytes of every other packet), `--keyframes yes|no` and `--break-framing PACKET`; the
    /// error says what was wrong.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut camera = Self {
            port: 554,
            media: 1,
            statuses: BTreeMap::new(),
            media_address: None,
            announced_port: None,
            group: None,
            called: None,
            padding: 0,
            timeout: None,
            manner: Manner::default(),
        };
        while let Some(option) = args.next() {
            let value = args
                .next()
                .ok_or_else(|| format!("{option} needs a value"))?;
            camera
                .set(&option, &value)
                .ok_or_else(|| format!("{option} {value} cannot be read"))?;
        }
        Ok(camera)
    }

    fn set(&mut self, option: &str, value: &str) -> Option<()> {
        let pair = || {
            let (first, second) = value.split_once('-')?;
            Some((first.parse::<u64>().ok()?, second.parse::<u64>().ok()?))
        };
        match option {
            "--port" => self.port = value.parse().ok()?,
            "--media" => self.media = value.parse().ok().filter(|n| (1..=2).contains(n))?,
            "--status" => {
                let (method, status) = value.split_once('=')?;
                self.statuses
                    .insert(method.to_owned(), status.parse().ok()?);
            }
            "--media-address" => self.media_address = Some(value.parse().ok()?),
            "--announced-port" => self.announced_port = Some(value.parse().ok()?),
            "--group" => self.group = Some(value.parse().ok()?),
            "--called" => self.called = Some(value.to_owned()),
            "--padding" => self.padding = value.parse().ok()?,
            "--keyframes" => self.manner.keyless = value == "no",
            "--break-framing" => self.manner.broken_from = Some(value.parse().ok()?),
            "--timeout-s" => self.timeout = Some(Duration::from_secs(value.parse().ok()?)),
            "--pause-ms" => {
                let (after, length) = pair()?;
                self.manner.pause = Some([after, after + length].map(Duration::from_millis));
            }
            "--stop-after-ms" => {
                self.manner.stop = Some(Duration::from_millis(value.parse().ok()?));
            }
            "--sizes" => {
                let (small, large) = pair()?;
                self.manner.sizes = [usize::try_from(small).ok()?, usize::try_from(large).ok()?];
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::scripted::camera::Camera;

    #[test]
    fn an_option_that_cannot_be_read_is_named() {
        let read = |text: &str| Camera::from_args(text.split(' ').map(str::to_owned));
        assert_eq!(read("--media 3").unwrap_err(), "--media 3 cannot be read");
        assert_eq!(read("--port").unwrap_err(), "--port needs a value");
        assert_eq!(read("--status SETUP=461").unwrap().statuses["SETUP"], 461);
    }
}
