//! Messages that leave the router from another address than before: its own address outside changed, as a line does that is
//! dialled anew, and with it all that outside leads back to the client.

use std::net::SocketAddr;

use super::SessionFacts;
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message, Side};

/// Where the client's messages leave the router now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    /// The client's end there.
    pub(crate) to: SocketAddr,
    /// The first message that came from it.
    pub(crate) first: Locator,
}

impl Moved {
    /// The same in words.
    pub(crate) fn told(&self) -> String {
        format!(
            "the client's requests leave from {} since: the router got another address outside, to which nothing of this session comes",
            self.to
        )
    }
}

impl<'a> SessionFacts<'a> {
    /// The address from which the client's messages leave the router, where it is another one than that of the connection.
    pub(crate) fn moved(self) -> Option<Moved> {
        let sides = self.sides()?;
        let messages = sides.client.exchanges.iter().flat_map(Exchange::messages);
        let mut requests = messages.filter(|message| {
            message.from == Side::Client && copy_of(message, sides.server).is_none()
        });
        requests.find_map(|message| {
            let (leg, first) = self.elsewhere(message, sides.server)?;
            let to = leg.client;
            (to.ip() != sides.server.client.ip()).then_some(Moved { to, first })
        })
    }

    /// Where a message passed the tap of a leg, though not on it: in a connection from or to the same end that is seen at this tap
    /// only, and of which the beginning is not there.
    pub(super) fn elsewhere(self, message: &Message, leg: &Leg) -> Option<(&'a Leg, Locator)> {
        let lone = self.capture.sessions.iter();
        let lone = lone.filter_map(|session| match &session.legs[..] {
            [only] => Some(only),
            _ => None,
        });
        let mut strays = lone.filter(|stray| {
            let other_end = (stray.client == leg.client) != (stray.server == leg.server);
            stray.tap == leg.tap && stray.began_before() && other_end
        });
        strays.find_map(|stray| Some((stray, copy_of(message, stray)?)))
    }
}

/// Where a leg has a message as it is.
fn copy_of(message: &Message, leg: &Leg) -> Option<Locator> {
    let mut messages = leg.exchanges.iter().flat_map(Exchange::messages);
    let own = messages.find(|own| own.from == message.from && own.raw == message.raw)?;
    Some(own.at)
}
