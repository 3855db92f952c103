//! What the kernel programs say about themselves, as lines for the user.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};

use super::error::LiveError;

/// Lines that the kernel programs write, in the order in which they wrote them.
pub(super) struct KernelLog {
    logger: EbpfLogger<Collector>,
    lines: Receiver<String>,
}

impl KernelLog {
    /// Takes over the log of programs that were loaded with it switched on.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        let (sender, lines) = channel();
        let logger = EbpfLogger::init_with_logger(ebpf, Collector(sender))?;
        Ok(Self { logger, lines })
    }

    /// What was said since the last call.
    pub(super) fn new_lines(&mut self) -> impl Iterator<Item = String> + '_ {
        self.logger.flush();
        self.lines.try_iter()
    }
}

impl fmt::Debug for KernelLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelLog").finish_non_exhaustive()
    }
}

/// The logger that aya-log writes to. Where lines appear is for the host to say: it may own the screen.
struct Collector(Sender<String>);

impl Log for Collector {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // The receiver lives as long as this one.
        let _sent = self.0.send(record.args().to_string());
    }

    fn flush(&self) {}
}
