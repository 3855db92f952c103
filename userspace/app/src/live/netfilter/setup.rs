//! How this machine's netfilter is set up, read when a run begins, while it still may start the firewall's programs.
//!
//! Later on that is refused to it, so that rules which change under way are known to have changed, and not how.

use rtspscope_engine::{Input, RouterSetup};
use rtspscope_wire::Timestamp;

use crate::failure::Failure;
use crate::live::clock::Clock;
use crate::live::{LiveHost, LiveOptions};
use crate::machine::Machine;
use crate::router_setup;

/// What was read.
pub(in crate::live) struct Setup {
    /// `None` where a mirror port shows what another router does.
    read: Option<RouterSetup>,
    /// Whether this machine is a router, so that what was read is of interest to the host.
    forwards: bool,
}

impl Setup {
    pub(in crate::live) fn read(options: &LiveOptions) -> Self {
        let machine = Machine::this();
        let at = Timestamp(Clock::real_now().cast_signed());
        let is_of_this_machine = options.mirror.is_none();
        Self {
            read: is_of_this_machine.then(|| router_setup::read(&machine, at)),
            forwards: machine.forwards(),
        }
    }

    /// All that was read, whatever this machine is.
    pub(in crate::live) const fn known(&self) -> Option<&RouterSetup> {
        self.read.as_ref()
    }

    /// Whether it is worth to listen to changes of the rules of nftables.
    pub(super) fn has_rules(&self) -> bool {
        let read = self.read.as_ref().filter(|_| self.forwards);
        read.is_some_and(|setup| setup.offload.flowtables.is_some())
    }

    /// Hands it over.
    pub(in crate::live) fn tell(&self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        match self.read.as_ref().filter(|_| self.forwards) {
            Some(setup) => host.handle_input(&Input::RouterSetup(setup)),
            None => Ok(()),
        }
    }

    /// A rule has changed: what was read may hold no longer. Once that is known more changes say nothing new.
    pub(super) fn rules_changed(
        &mut self,
        at: Timestamp,
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        match self.read.as_mut() {
            Some(setup) if setup.rules_changed_at.is_none() => {
                setup.rules_changed_at = Some(at);
                self.tell(host)
            }
            _ => Ok(()),
        }
    }
}
