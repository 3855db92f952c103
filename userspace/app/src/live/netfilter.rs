//! The router's own connection tracking, listened to over netlink while the taps watch.
//!
//! The socket is one more thing that the loop waits for. What concerns followed connections goes to the host at once; the
//! rest waits in a short queue, because an entry is told before anyone can know that its connection speaks RTSP. The
//! table itself is asked for at the start, at the end and after events were lost; for a connection whose entry was never
//! told, that entry alone is, because a router's table is long and most such connections are in none (a bridge tracks
//! nothing). An entry that began while nobody listened has no events at all (`nf_conntrack_events` 2, the default since
//! Linux 5.19); as long as there is such a one of RTSP, the table is asked for again and again.
//! None of it is needed for a run: what does not work is said in one line, and the run goes on.

mod followed;
mod request;
mod setup;
mod socket;
mod table;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use netlink_sys::Socket;
use rtspscope_engine::{CaptureLoss, Conntrack, Input, LossKind};
use rtspscope_wire::Timestamp;
use rtspscope_wire::netfilter::{self, Change, Event, Message, Tuple};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout_at};

use super::clock::Clock;
use super::{LiveHost, LiveOptions};
use crate::failure::Failure;
use followed::Followed;
use request::{Direction, Request};
pub(super) use setup::Setup;
use socket::{subscribe, unable};
pub(super) use table::read_table;

/// What the user is told things about.
const SUBJECT: &str = "netfilter";

/// Longest packet of netlink: the kernel fills up to 32 KiB.
const PACKET_LEN: usize = 64 << 10;

/// Packets that are read before others get their turn.
const BATCH: usize = 256;

/// Events of connections that nobody follows yet.
const MAX_WAITING: usize = 4_096;

/// Time between two requests for the table that no loss asks for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two requests while there are entries without events, or none was found.
const POLL: Duration = Duration::from_secs(10);

/// Requests that wait for an answer; one for the table takes the place of more.
const MAX_REQUESTS: usize = 256;

/// Longest time that the end of a run waits for the last answer.
const LAST_WORD: Duration = Duration::from_millis(500);

/// An event with its bytes.
struct Told {
    at: Timestamp,
    raw: Box<[u8]>,
    event: Event,
}

/// The socket, and what waits.
pub(super) struct Netfilter {
    /// `None` where it cannot be listened to.
    socket: Option<AsyncFd<Socket>>,
    /// The last look left something.
    has_more: bool,
    /// Requests that wait for the answer to the one before.
    requests: VecDeque<Request>,
    /// What was asked and is not answered yet.
    asking: Option<Request>,
    /// A request was answered before.
    answered: bool,
    /// The table is to be asked for, once patience is over.
    wants_table: bool,
    /// A connection has no entry by the ends that the taps show: another zone's may be found in the table.
    lacks_entry: bool,
    asked_at: Option<Instant>,
    followed: Followed,
    waiting: VecDeque<Told>,
    setup: Setup,
    buffer: Vec<u8>,
}

impl Netfilter {
    /// Begins to listen, and asks for what is there. What a mirror port shows is another router's, of which this
    /// machine's table knows nothing.
    pub(super) fn open(options: &LiveOptions, setup: Setup, host: &mut dyn LiveHost) -> Self {
        let subscribed = match options.mirror {
            Some(_) => Ok(None),
            None => subscribe(setup.has_rules()),
        };
        let socket = match subscribed {
            Ok(socket) => socket,
            Err(error) => {
                host.note(SUBJECT, &unable(&error));
                None
            }
        };
        let events = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_events");
        if socket.is_some() && events.is_ok_and(|events| events.trim() == "0") {
            host.note(
                SUBJECT,
                "connection tracking tells no events: sysctl -w net.netfilter.nf_conntrack_events=1",
            );
        }
        let mut netfilter = Self {
            socket,
            has_more: false,
            requests: VecDeque::new(),
            asking: None,
            answered: false,
            wants_table: false,
            lacks_entry: false,
            asked_at: None,
            followed: Followed::new(&options.rtsp_ports),
            waiting: VecDeque::new(),
            setup,
            buffer: Vec::with_capacity(PACKET_LEN),
        };
        netfilter.ask_for_table(host);
        netfilter
    }

    /// Waits until something was told; for ever where nobody can be listened to.
    pub(super) async fn ready(&self) {
        let Some(socket) = &self.socket else {
            return std::future::pending().await;
        };
        if self.has_more {
            return;
        }
        match socket.readable().await {
            Ok(mut guard) => guard.clear_ready(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands over what was told, at most a batch.
    pub(super) fn hand_over(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        self.has_more = false;
        for _ in 0..BATCH {
            let Some(socket) = &self.socket else {
                return Ok(());
            };
            self.buffer.clear();
            match socket.get_ref().recv(&mut self.buffer, libc::MSG_DONTWAIT) {
                Ok(_) => self.read_packet(host)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    host.handle_input(&Input::CaptureLoss(CaptureLoss {
                        tap: None,
                        kind: LossKind::NetfilterOverrun,
                        count: 1,
                    }))?;
                    // An answer may be among what was lost; that of a table goes on as it is read.
                    self.asking
                        .take_if(|request| matches!(request, Request::Entry(..)));
                    self.ask_for_table(host);
                }
                Err(error) => {
                    self.give_up(&error, host);
                    return Ok(());
                }
            }
        }
        self.has_more = true;
        Ok(())
    }

    /// Hands over how everything stands at the end.
    pub(super) async fn finish(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        self.ask_for_table(host);
        let end = Instant::now() + LAST_WORD;
        while self.socket.is_some() && (self.asking.is_some() || !self.requests.is_empty()) {
            if timeout_at(end, self.ready()).await.is_err() {
                break;
            }
            self.hand_over(host)?;
        }
        Ok(())
    }

    /// Follows the connections that turned out to speak RTSP since the last call.
    pub(super) fn follow(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let begun = host.new_connections();
        let mut grown = false;
        for (client, server) in &begun {
            grown |= self.followed.add(*client, *server);
        }
        if grown {
            self.hand_over_waiting(host)?;
        }
        for ends in begun {
            if !self.followed.was_told(ends) {
                self.ask_for_entry(ends, host);
            }
        }
        let asked_before = |span: Duration| self.asked_at.is_none_or(|at| at.elapsed() >= span);
        let is_due = (self.followed.has_silent() || self.lacks_entry) && asked_before(POLL);
        if is_due || self.wants_table && asked_before(PATIENCE) {
            self.ask_for_table(host);
        }
        Ok(())
    }

    /// Hands over what was told before its connection was followed, in order.
    fn hand_over_waiting(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        for told in std::mem::take(&mut self.waiting) {
            if self.followed.takes(&told.event) {
                hand_over_one(&told, host)?;
            } else {
                self.waiting.push_back(told);
            }
        }
        Ok(())
    }

    fn read_packet(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let at = Timestamp(Clock::real_now().cast_signed());
        let packet = std::mem::take(&mut self.buffer);
        let read = netfilter::messages(&packet)
            .try_for_each(|message| self.read_message(&message, at, host));
        self.buffer = packet;
        read
    }

    fn read_message(
        &mut self,
        message: &Message<'_>,
        at: Timestamp,
        host: &mut dyn LiveHost,
    ) -> Result<(), Failure> {
        let refusal = message.refusal();
        if message.is_done() || refusal.is_some() {
            let asked = self.asking.take();
            match refusal.filter(|number| *number != 0) {
                Some(libc::ENOENT) if let Some(Request::Entry(direction, tuple)) = asked => {
                    self.not_found(direction, tuple);
                    self.ask_next(host);
                }
                // The answer before is not over.
                Some(libc::EBUSY) => self.wants_table = true,
                // The run has given up the right to ask; events come all the same.
                Some(libc::EPERM) if self.answered => self.requests.clear(),
                Some(number) => self.give_up(&io::Error::from_raw_os_error(number), host),
                None => {
                    self.answered = true;
                    self.ask_next(host);
                }
            }
            return Ok(());
        }
        if message.is_of_rules() {
            return self.setup.rules_changed(at, host);
        }
        self.wants_table |= message.is_interrupted();
        let Some(event) = message.event() else {
            return Ok(());
        };
        let told = Told {
            at,
            raw: message.raw.into(),
            event,
        };
        if self.followed.takes(&told.event) {
            // Of what has no events there may be more: media between the same hosts.
            self.wants_table |= matches!(self.asking, Some(Request::Entry(..)))
                && told.event.change == Change::Present;
            return hand_over_one(&told, host);
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(told);
        Ok(())
    }

    /// Asks for the entry of a connection.
    fn ask_for_entry(&mut self, (client, server): Ends, host: &mut dyn LiveHost) {
        if self.socket.is_none() {
            return;
        }
        if self.requests.len() >= MAX_REQUESTS {
            self.wants_table = true;
            return;
        }
        let tuple = Tuple {
            protocol: Tuple::TCP,
            from: client,
            to: server,
        };
        self.requests
            .push_back(Request::Entry(Direction::Forth, tuple));
        if self.asking.is_none() {
            self.ask_next(host);
        }
    }

    /// What one side of the router shows is the one direction of an entry or the other.
    fn not_found(&mut self, direction: Direction, tuple: Tuple) {
        match direction {
            Direction::Forth => {
                let turned = Tuple {
                    from: tuple.to,
                    to: tuple.from,
                    ..tuple
                };
                self.requests
                    .push_front(Request::Entry(Direction::Back, turned));
            }
            Direction::Back => self.lacks_entry = true,
        }
    }

    fn ask_for_table(&mut self, host: &mut dyn LiveHost) {
        self.wants_table = false;
        self.lacks_entry = false;
        self.followed.forget_silent();
        self.asked_at = Some(Instant::now());
        self.requests = VecDeque::from([Request::Entries, Request::Expectations]);
        if self.asking.is_none() {
            self.ask_next(host);
        }
    }

    /// Sends the next request: netlink answers one at a time.
    fn ask_next(&mut self, host: &mut dyn LiveHost) {
        let (Some(socket), Some(request)) = (&self.socket, self.requests.pop_front()) else {
            return;
        };
        match socket.get_ref().send(&request.message(), 0) {
            Ok(_) => self.asking = Some(request),
            Err(error) => self.give_up(&error, host),
        }
    }

    fn give_up(&mut self, error: &io::Error, host: &mut dyn LiveHost) {
        self.socket = None;
        host.note(SUBJECT, &unable(error));
    }
}

fn hand_over_one(told: &Told, host: &mut dyn LiveHost) -> Result<(), Failure> {
    host.handle_input(&Input::Conntrack(Conntrack {
        at: told.at,
        // The host counts frames and messages together.
        number: 0,
        raw: &told.raw,
        event: &told.event,
    }))
}

/// Ends of a connection, as a tap shows them.
pub(super) type Ends = (SocketAddr, SocketAddr);
