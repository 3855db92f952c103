//! How often and how long an end of a connection took no more bytes: a reader that is too slow for what it is sent.

use rtspscope_wire::{Span, Timestamp};

use crate::locator::Locator;
use crate::model::ShutWindow;

/// The window that one end advertises.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    /// Since when it is shut.
    shut_at: Option<Locator>,
    past: Option<ShutWindow>,
}

impl Window {
    /// Takes the window field of a segment of this end. Zero is zero at any scale (RFC 7323 §2.3).
    pub(crate) fn note(&mut self, window: u16, at: Locator) {
        match (self.shut_at, window) {
            (None, 0) => self.shut_at = Some(at),
            (Some(_), 0) | (None, _) => {}
            (Some(_), _) => {
                self.past = self.until(at.at);
                self.shut_at = None;
            }
        }
    }

    /// Whether the end takes more bytes, as far as is known.
    #[inline]
    pub(crate) const fn is_open(&self) -> bool {
        self.shut_at.is_none()
    }

    /// What is known of it at `now`.
    pub(crate) fn until(&self, now: Timestamp) -> Option<ShutWindow> {
        let Some(shut_at) = self.shut_at else {
            return self.past;
        };
        let lasted = now - shut_at.at;
        Some(self.past.map_or(
            ShutWindow {
                count: 1,
                longest: lasted,
                total: lasted,
                until: now,
                first: shut_at,
            },
            |past| ShutWindow {
                count: past.count + 1,
                longest: past.longest.max(lasted),
                total: Span(past.total.0.saturating_add(lasted.0)),
                until: now,
                first: past.first,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, at};

    #[test]
    fn the_longest_of_several_times_is_kept() {
        let mut window = Window::default();
        for (secs, size) in [(1.0, 0), (1.5, 0), (2.0, 9), (3.0, 0), (6.0, 8), (7.0, 7)] {
            window.note(size, at(LAN, secs, 1));
        }
        let known = window.until(at(LAN, 9.0, 2).at).unwrap();
        assert_eq!((known.count, known.longest), (2, Span::from_secs(3)));
        assert_eq!(known.total, Span::from_millis(4000));
        assert_eq!(known.until, at(LAN, 6.0, 1).at);
        assert_eq!(known.first, at(LAN, 1.0, 1));
    }

    #[test]
    fn a_window_that_is_still_shut_counts_up_to_now() {
        let mut window = Window::default();
        window.note(0, at(LAN, 1.0, 1));
        assert_eq!(
            window.until(at(LAN, 5.0, 2).at).unwrap().longest,
            Span::from_secs(4)
        );
    }
}
