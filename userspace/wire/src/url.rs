//! RTSP URLs: their parts, and what an SDP control value refers to.

use crate::Spanned;

/// The parts of an absolute URL, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlSlice<'a> {
    /// `rtsp`, `rtsps`, …; `None` if the text has no scheme.
    pub scheme: Option<Spanned<'a>>,
    /// `user:password` before the `@`.
    pub userinfo: Option<Spanned<'a>>,
    /// Host without brackets.
    pub host: Spanned<'a>,
    /// The port, if it is given.
    pub port: Option<u16>,
    /// Path and query from the first `/` on, possibly empty.
    pub path: Spanned<'a>,
}

/// Splits a URL. A missing scheme or one that stands twice (`rtsp://rtsp://…`) is tolerated.
pub fn split(text: Spanned<'_>) -> Option<UrlSlice<'_>> {
    drop(text);
    None
}

/// The URL that an `a=control` value means (RFC 2326 App. C.1.1): `base` is Content-Base, else Content-Location,
/// else the request URL.
pub fn resolve_control(base: &str, control: &str) -> String {
    format!("{base}{control}")
}

/// True if a request for `uri` means the stream that `control` names under `base`, by any of the ways in which
/// clients join the two; userinfo, a default port and the case of the host make no difference.
pub fn is_control_uri(uri: &str, base: &str, control: &str) -> bool {
    resolve_control(base, control) == uri
}
