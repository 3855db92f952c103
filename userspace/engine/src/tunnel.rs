//! RTSP in a pair of HTTP connections (Apple's "Tunnelling RTSP and RTP over HTTP").
//!
//! Replies and media come plain behind the head of the answer to a GET. Requests go out in base64 behind the head of a
//! POST that is never answered, encoded one by one, so that padding may stand anywhere. One `x-sessioncookie` joins the
//! two connections. The client may end the POST and go on in another whenever it likes, and each may be refused for want of a
//! password before it is let be.

use rtspscope_wire::rtsp::base64::Base64;
use rtspscope_wire::rtsp::message;
use rtspscope_wire::rtsp::stream::{Item, MessageStream, RawMessage, StreamLimits};
use rtspscope_wire::tcp::Piece;

use crate::record::Speech;

/// Media type of both connections.
const MEDIA_TYPE: &str = "application/x-rtsp-tunnelled";

/// What stands behind an HTTP head that belongs to a tunnel.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    role: Role,
    cookie: Option<String>,
    /// Offset at which the content begins.
    body_from: u64,
    inner: MessageStream,
    base64: Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Get,
    Reply,
    Post,
}

impl Tunnel {
    /// A tunnel, if the head says so.
    pub(crate) fn from_head(
        head: &RawMessage,
        limits: StreamLimits,
        max_cookie_len: usize,
    ) -> Option<Self> {
        let message = message::parse(&head.raw).value;
        let header = |name| {
            message
                .header(name)
                .map(|field| field.value.text().into_owned())
        };
        let cookie = header("x-sessioncookie")
            .filter(|cookie| !cookie.is_empty() && cookie.len() <= max_cookie_len);
        let is_tunnelled =
            |name| header(name).is_some_and(|value: String| value.eq_ignore_ascii_case(MEDIA_TYPE));
        let role = if head.raw.starts_with(b"GET ") && cookie.is_some() {
            Role::Get
        } else if head.raw.starts_with(b"POST ") && cookie.is_some() {
            Role::Post
        } else if head.raw.starts_with(b"HTTP/") && is_tunnelled("Content-Type") {
            Role::Reply
        } else {
            return None;
        };
        let mut inner = MessageStream::new(limits);
        inner.set_start_known();
        let body_from = head.offset.saturating_add(head.head_len as u64);
        Some(Self {
            role,
            cookie,
            body_from,
            inner,
            base64: Base64::default(),
        })
    }

    /// Whether the head opens one of the two connections.
    pub(crate) fn speech(&self) -> Option<Speech> {
        match self.role {
            Role::Get => Some(Speech::TunnelGet),
            Role::Post => Some(Speech::TunnelPost),
            Role::Reply => None,
        }
    }

    /// Whether answers and media stand behind the head: the server lets the tunnel be.
    pub(crate) fn carries_answers(&self) -> bool {
        self.role == Role::Reply
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Takes a piece of the HTTP connection; what lies before the content is passed over.
    pub(crate) fn handle_piece(&mut self, piece: Piece<'_>, sink: &mut impl FnMut(Item<'_>)) {
        let Some(piece) = self.content(piece) else {
            return;
        };
        match self.role {
            Role::Get => {}
            Role::Reply => {
                self.inner.handle_piece(piece, sink);
            }
            Role::Post => self.handle_encoded(piece, sink),
        }
    }

    /// Reads what is held as far as it goes.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        self.inner.finish(sink);
    }

    /// The stream inside.
    pub(crate) fn inner(&self) -> &MessageStream {
        &self.inner
    }

    /// Reads what is held as far as it goes, and looks for the next message or frame behind it.
    pub(crate) fn give_up(&mut self, limits: StreamLimits, sink: &mut impl FnMut(Item<'_>)) {
        self.inner.finish(sink);
        self.inner = MessageStream::new(limits);
    }

    /// The part of a piece that lies behind the head, counted from there.
    fn content<'a>(&self, piece: Piece<'a>) -> Option<Piece<'a>> {
        match piece {
            Piece::Chunk {
                offset,
                bytes,
                place,
            } => {
                let skip =
                    usize::try_from(self.body_from.saturating_sub(offset)).unwrap_or(usize::MAX);
                let bytes = bytes.get(skip..).filter(|bytes| !bytes.is_empty())?;
                Some(Piece::Chunk {
                    offset: offset.saturating_sub(self.body_from),
                    bytes,
                    place,
                })
            }
            Piece::Gap { offset, len, place } => {
                let offset = offset.saturating_sub(self.body_from);
                Some(Piece::Gap { offset, len, place })
            }
        }
    }

    fn handle_encoded(&mut self, piece: Piece<'_>, sink: &mut impl FnMut(Item<'_>)) {
        match piece {
            Piece::Chunk { bytes, place, .. } => {
                let offset = self.base64.decoded_len();
                let plain = self.base64.decode(bytes);
                if !plain.is_empty() {
                    self.inner.handle_piece(
                        Piece::Chunk {
                            offset,
                            bytes: &plain,
                            place,
                        },
                        sink,
                    );
                }
            }
            Piece::Gap { len, place, .. } => {
                let offset = self.base64.decoded_len();
                let len = (len / 4 * 3).max(1);
                self.base64.skip(len);
                self.inner
                    .handle_piece(Piece::Gap { offset, len, place }, sink);
            }
        }
    }
}
