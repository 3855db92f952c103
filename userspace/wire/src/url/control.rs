//! What an `a=control` value means (RFC 2326 App. C.1.1), and which request URIs clients make of it.

use super::{UrlSlice, split};
use crate::Spanned;

/// The base of relative control values: Content-Base, else Content-Location, else the request URL.
pub fn base_url<'a>(
    content_base: Option<Spanned<'a>>,
    content_location: Option<Spanned<'a>>,
    request_url: Spanned<'a>,
) -> Spanned<'a> {
    let given = |value: Option<Spanned<'a>>| {
        value
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    given(content_base)
        .or_else(|| given(content_location))
        .unwrap_or(request_url)
}

/// The URL that a control value means under `base`, as nearly all clients build it.
///
/// An absolute value stands for itself, `*` and an empty one for the base. A relative one is put behind the base with
/// one slash between them, even where the base has no final slash or holds a query; RFC 3986 would cut the last
/// segment of the base away, but servers expect what clients do.
pub fn resolve_control(base: &str, control: &str) -> String {
    let (base, control) = (base.trim(), control.trim());
    if control.is_empty() || control == "*" {
        return base.to_owned();
    }
    if is_absolute(control) {
        return control.to_owned();
    }
    format!(
        "{}/{}",
        base.trim_end_matches('/'),
        control.trim_start_matches('/')
    )
}

/// True if a request for `uri` means the stream that `control` names under `base`, by any of the ways in which
/// clients join the two: behind the base, in place of its last segment (RFC 3986 §5.2), or behind its path and before
/// its query. Userinfo, a default port, the case of scheme and host, and a final slash make no difference.
pub fn is_control_uri(uri: &str, base: &str, control: &str) -> bool {
    is_made_of(uri, base, control, same_url)
}

/// The same of paths and queries alone: a client that reaches a server by another name or port than the one that the server
/// knows of itself, through a port forward or a proxy, asks for the same path at the name that it knows.
pub fn is_control_path(uri: &str, base: &str, control: &str) -> bool {
    is_made_of(uri, base, control, same_path)
}

/// Whether `uri` is one of the ways to join the two, as far as `is_same` compares.
fn is_made_of(uri: &str, base: &str, control: &str, is_same: impl Fn(&str, &str) -> bool) -> bool {
    let uri = uri.trim();
    if is_same(uri, &resolve_control(base, control)) {
        return true;
    }
    let (base, control) = (base.trim(), control.trim());
    if control.is_empty() || control == "*" || is_absolute(control) {
        return false;
    }
    let relative = control.trim_start_matches('/');
    let (path, query) = base.find('?').map_or((base, ""), |at| base.split_at(at));
    let before_query = format!("{}/{relative}{query}", path.trim_end_matches('/'));
    let last_replaced = path
        .rfind('/')
        .filter(|slash| !path[..*slash].ends_with('/'))
        .map(|slash| &path[..=slash]);
    let from_root = control
        .starts_with('/')
        .then(|| url(base))
        .flatten()
        .map(|parts| &base[..parts.path.at.start]);
    is_same(uri, &before_query)
        || last_replaced.is_some_and(|directory| is_same(uri, &format!("{directory}{relative}")))
        || from_root.is_some_and(|root| is_same(uri, &format!("{root}{control}")))
}

/// True for a value with a scheme.
fn is_absolute(text: &str) -> bool {
    url(text).is_some_and(|parts| parts.scheme.is_some())
}

fn url(text: &str) -> Option<UrlSlice<'_>> {
    split(Spanned::new(text.as_bytes(), 0))
}

fn same_url(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let (Some(left), Some(right)) = (url(left), url(right)) else {
        return false;
    };
    let scheme = |parts: &UrlSlice<'_>| {
        parts
            .scheme
            .as_ref()
            .map(|scheme| scheme.bytes.to_ascii_lowercase())
    };
    scheme(&left) == scheme(&right)
        && left.host.bytes.eq_ignore_ascii_case(right.host.bytes)
        && left.port_or_default() == right.port_or_default()
        && path(&left) == path(&right)
}

/// A path of nothing is that of any host, and names no stream.
fn same_path(left: &str, right: &str) -> bool {
    let (Some(left), Some(right)) = (url(left), url(right)) else {
        return false;
    };
    !path(&left).is_empty() && path(&left) == path(&right)
}

/// The path with its query and without a final slash.
fn path<'a>(parts: &UrlSlice<'a>) -> &'a [u8] {
    let path = parts.path.bytes;
    path.strip_suffix(b"/").unwrap_or(path)
}
