//! How far reading has come, on standard error while that is a terminal and silent otherwise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rtspscope_engine::{TapFile, TapInfo};
use rtspscope_wire::TapId;

use rtspscope_capture::{Host, Reading};

/// Inputs of a file between two looks at how far it was read.
const INPUTS_PER_LOOK: u32 = 4_096;

/// A line that shows bytes and packets read.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    packets: u32,
    inputs_per_look: u32,
    until_look: u32,
}

impl Progress {
    /// A line that appears with the first look. Nothing is ever shown unless it is `wanted`.
    pub(crate) fn new(wanted: bool, reading: Reading) -> Self {
        let target = if wanted {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(reading.len, target).with_style(style(reading));
        let inputs_per_look = match (bar.is_hidden(), reading.len) {
            (true, _) => u32::MAX,
            (false, Some(_)) => INPUTS_PER_LOOK,
            // A pipe may bring one packet a second.
            (false, None) => 1,
        };
        Self {
            bar,
            packets: 0,
            inputs_per_look,
            until_look: inputs_per_look,
        }
    }

    /// Counts an input and shows, now and then, how far reading has come.
    pub(crate) fn handle_input(&mut self, reading: impl FnOnce() -> Reading) {
        self.packets = self.packets.wrapping_add(1);
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = self.inputs_per_look;
            self.bar.set_message(self.packets.to_string());
            self.bar.set_position(reading().read);
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// `host`, whose notes do not mix with the line.
    pub(crate) fn beside<'a>(&'a self, host: &'a mut dyn Host) -> impl Host + 'a {
        Beside {
            bar: &self.bar,
            host,
        }
    }
}

/// With a known length a bar, else a sign of life.
fn style(reading: Reading) -> ProgressStyle {
    let template = match reading.len {
        Some(_) => "{wide_bar} {bytes} of {total_bytes}, {msg} packets",
        None => "{spinner} {bytes}, {msg} packets, {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A host beside a progress line.
struct Beside<'a> {
    bar: &'a ProgressBar,
    host: &'a mut dyn Host,
}

impl Host for Beside<'_> {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.host.open_tap(info)
    }

    fn begin_file(&mut self, tap: TapId, file: TapFile) {
        self.host.begin_file(tap, file);
    }

    fn note(&mut self, subject: &str, what: &str) {
        self.bar.suspend(|| self.host.note(subject, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Reading = Reading {
        read: 10,
        len: None,
    };

    #[test]
    fn nothing_is_looked_at_where_nothing_is_shown() {
        let mut progress = Progress::new(false, PIPE);
        for _ in 0..10_000 {
            progress.handle_input(|| panic!("nobody sees it"));
        }
    }

    #[test]
    fn both_lines_can_be_drawn() {
        for len in [None, Some(100)] {
            let template = style(Reading { read: 0, len });
            let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::hidden());
            bar.with_style(template).tick();
        }
    }
}
