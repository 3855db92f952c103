//! Whether kernel programs load and attach here, by trying it for a moment.

use std::thread;

use rtspscope_wire::{LinkType, TapRole};

use super::attach::Attached;
use super::error::LiveError;
use super::interfaces::{self, Interface};
use super::standing::Standing;
use super::{Hook, LiveOptions, privilege};
use crate::failure::Failure;

/// Making all maps, the ring buffer among them.
pub(crate) const LOADING: &str = "ring buffer";
/// TC programs without a qdisc.
pub(crate) const TCX: &str = "TC by TCX";
/// TC programs on the clsact qdisc.
pub(crate) const CLSACT: &str = "TC by clsact";
/// The XDP program of a mirror port.
pub(crate) const XDP: &str = "XDP";

/// What was tried, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// One of the constants above.
    pub what: &'static str,
    /// How it worked, or why not.
    pub result: Result<&'static str, String>,
}

/// Tries everything on the loopback of a network namespace that ends with the trial; says why where that cannot be made.
pub(crate) fn in_own_namespace() -> Result<Vec<Trial>, String> {
    thread::scope(|scope| {
        let trial = scope.spawn(|| {
            // SAFETY: no memory is passed; only this thread moves.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                let error = std::io::Error::last_os_error();
                let reason = crate::failure::reason(&error);
                return Err(format!("no network namespace of its own ({reason})"));
            }
            Ok(on(&loopback(TapRole::Lan)))
        });
        trial
            .join()
            .unwrap_or_else(|_| Err("the trial ended early".to_owned()))
    })
}

/// Tries the ways onto one interface of this machine; what is attached looks at packets for a moment and is gone.
pub(crate) fn on_interface(name: &str) -> Vec<Trial> {
    let options = LiveOptions {
        taps: vec![(name.to_owned(), TapRole::Lan)],
        ..LiveOptions::default()
    };
    let found = interfaces::choose(&options).map(|taps| taps.into_iter().next());
    match found {
        Ok(Some(interface)) => {
            let auto = trial(TCX, &interface, Hook::Auto);
            if auto.result.is_ok() {
                vec![auto]
            } else {
                vec![auto, trial(CLSACT, &interface, Hook::Clsact)]
            }
        }
        Ok(None) => Vec::new(),
        Err(error) => vec![Trial {
            what: LOADING,
            result: Err(told(error)),
        }],
    }
}

fn on(interface: &Interface) -> Vec<Trial> {
    let loading = Trial {
        what: LOADING,
        result: privilege::check()
            .and_then(|()| attached(&[], Hook::Auto))
            .map(|_| "made, with all maps")
            .map_err(told),
    };
    if loading.result.is_err() {
        return vec![loading];
    }
    let mirror = Interface {
        role: TapRole::Mirror,
        ..interface.clone()
    };
    vec![
        loading,
        trial(TCX, interface, Hook::Auto),
        trial(CLSACT, interface, Hook::Clsact),
        trial(XDP, &mirror, Hook::Auto),
    ]
}

/// A run with the usual ring.
fn options(hook: Hook) -> LiveOptions {
    LiveOptions {
        rtsp_ports: vec![554],
        hook,
        ..LiveOptions::default()
    }
}

fn attached(interfaces: &[Interface], hook: Hook) -> Result<Attached, LiveError> {
    let mut attached = Attached::load(&options(hook), &Standing::default())?;
    attached.attach_to(interfaces, hook)?;
    Ok(attached)
}

fn trial(what: &'static str, interface: &Interface, hook: Hook) -> Trial {
    let way = attached(std::slice::from_ref(interface), hook)
        .map(|attached| attached.ways.first().copied().unwrap_or_default());
    let result = match way {
        Ok("clsact") if what == TCX => Err("the kernel is older than 6.6".to_owned()),
        Ok(way) => Ok(way),
        Err(error) => Err(told(error)),
    };
    Trial { what, result }
}

/// The loopback of a new namespace: its first interface.
fn loopback(role: TapRole) -> Interface {
    Interface {
        name: "lo".to_owned(),
        index: 1,
        role,
        link_type: LinkType::ETHERNET,
        is_loopback: false,
    }
}

/// What is wrong, without what to do: that depends on the machine.
fn told(error: LiveError) -> String {
    match Failure::from(error) {
        Failure::Told(rtspscope_capture::Failure::Told { subject, what, .. }) => {
            format!("{subject}: {what}")
        }
        other @ (Failure::Told(_) | Failure::UserLeft) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_is_told() {
        let trials = on_interface("no-such-if");
        let [
            Trial {
                result: Err(why), ..
            },
        ] = trials.as_slice()
        else {
            panic!("{trials:?}");
        };
        assert_eq!(why, "no-such-if: no such interface");
    }

    #[test]
    fn a_trial_leaves_nothing_on_the_interface_and_gives_the_same_again() {
        if privilege::check().is_err() {
            println!("a_trial_leaves_nothing…: skipped, it needs root");
            return;
        }
        let ways = |trials: Vec<Trial>| {
            let ways = trials.into_iter();
            ways.map(|trial| (trial.what, trial.result))
                .collect::<Vec<_>>()
        };
        let first = ways(in_own_namespace().unwrap());
        assert_eq!(first[0], (LOADING, Ok("made, with all maps")));
        assert_eq!(first.len(), 4);
        assert_eq!(ways(in_own_namespace().unwrap()), first);
    }
}
