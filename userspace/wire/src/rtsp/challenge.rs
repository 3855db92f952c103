//! Schemes of authentication with their parameters: WWW-Authenticate and Authorization (RFC 2326 §12.44, RFC 7616 §3.3–3.4,
//! RFC 7617, RFC 9110 §11).
//!
//! One field may hold several challenges, and several fields one each; commas separate the parameters of a challenge and the
//! challenges alike. A word that no `=` follows begins the next challenge. Cameras leave commas out.

use crate::notes::Notes;
use crate::{Parsed, Spanned};

/// Challenges that are read of one field.
const MAX_CHALLENGES: usize = 16;
/// Parameters that are read of one challenge.
const MAX_PARAMS: usize = 32;

/// One scheme with its parameters. Values of credentials are secrets: see [`super::auth`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// `Basic`, `Digest` or another one.
    pub scheme: Spanned<'a>,
    /// Names and values, without quotes.
    pub params: Vec<(Spanned<'a>, Spanned<'a>)>,
}

impl<'a> Challenge<'a> {
    /// The value of a parameter, by its name in any case.
    pub fn param(&self, name: &str) -> Option<&Spanned<'a>> {
        let known = self.params.iter().find(|(known, _)| known.is(name));
        known.map(|(_, value)| value)
    }

    /// Whether the server says that only the nonce was too old, not the password wrong (RFC 7616 §3.3).
    pub fn is_stale(&self) -> bool {
        self.param("stale").is_some_and(|value| value.is("true"))
    }

    /// What a digest is made with; MD5 where nothing is said (RFC 7616 §3.3). `None` for other schemes.
    pub fn algorithm(&self) -> Option<String> {
        self.scheme.is("Digest").then(|| {
            let named = self.param("algorithm");
            named.map_or_else(|| "MD5".to_owned(), |name| name.text().to_ascii_uppercase())
        })
    }
}

/// Reads all challenges of one value, best effort. Places are those of `value`, hence of the message.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<Challenge<'_>>> {
    let mut notes = Notes::default();
    let mut challenges: Vec<Challenge<'_>> = Vec::new();
    let mut rest = value.clone();
    while let Some(word) = next_word(&mut rest) {
        let Some(value) = next_value(&mut rest) else {
            if challenges.len() == MAX_CHALLENGES {
                notes.add(word.at, "more challenges than are read");
                break;
            }
            challenges.push(Challenge {
                scheme: word,
                params: Vec::new(),
            });
            continue;
        };
        if word.is_empty() {
            notes.add(value.at, "a value without a name");
            continue;
        }
        match challenges.last_mut() {
            Some(challenge) if challenge.params.len() < MAX_PARAMS => {
                if challenge.param(&word.text()).is_some() {
                    notes.add(word.at.clone(), "a parameter that stands twice");
                }
                challenge.params.push((word, value));
            }
            Some(_) => notes.add(word.at, "more parameters than are read"),
            None => notes.add(word.at, "a parameter before any scheme"),
        }
    }
    if challenges.is_empty() {
        notes.add(value.trim().at, "no scheme of authentication");
    }
    notes.finish(challenges)
}

/// The next word; empty where a value without a name follows. `None` at the end.
fn next_word<'a>(rest: &mut Spanned<'a>) -> Option<Spanned<'a>> {
    let is_separator = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    skip(
        rest,
        rest.bytes
            .iter()
            .take_while(|byte| is_separator(byte))
            .count(),
    );
    let ends_word = |byte: &u8| is_separator(byte) || matches!(byte, b'=' | b'"');
    let len = rest
        .bytes
        .iter()
        .take_while(|byte| !ends_word(byte))
        .count();
    let word = rest.slice(0..len);
    skip(rest, len);
    (len > 0 || !rest.is_empty()).then_some(word)
}

/// The value behind `=`, or one in quotes that lacks it; `None` where neither stands here.
fn next_value<'a>(rest: &mut Spanned<'a>) -> Option<Spanned<'a>> {
    let spaces = |bytes: &[u8]| bytes.len() - bytes.trim_ascii_start().len();
    let before = spaces(rest.bytes);
    match rest.bytes.get(before) {
        Some(b'=') => skip(rest, before + 1),
        Some(b'"') => skip(rest, before),
        Some(_) | None => return None,
    }
    skip(rest, spaces(rest.bytes));
    if rest.bytes.first() == Some(&b'"') {
        return Some(quoted(rest));
    }
    let ends_value = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let len = rest
        .bytes
        .iter()
        .take_while(|byte| !ends_value(byte))
        .count();
    let value = rest.slice(0..len);
    skip(rest, len);
    Some(value)
}

/// What stands between quotes, a backslash taking away the meaning of what follows; up to the end if they stay open.
fn quoted<'a>(rest: &mut Spanned<'a>) -> Spanned<'a> {
    let mut at = 1;
    while let Some(&byte) = rest.bytes.get(at) {
        match byte {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    let value = rest.slice(1..at);
    skip(rest, at + 1);
    value
}

fn skip(rest: &mut Spanned<'_>, len: usize) {
    *rest = rest.slice(len..rest.len());
}

#[cfg(test)]
mod tests;
