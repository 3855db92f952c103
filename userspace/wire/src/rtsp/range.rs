//! The Range, Scale and Speed fields: which part of a recording is played, and how fast (RFC 2326 §3.5–3.7, §12.29, §12.34,
//! §12.35; RFC 7826 §4.4, §18.40, §18.46, §18.50).

mod instant;

use crate::notes::Notes;
use crate::{Parsed, Span, Spanned, Timestamp};

/// How a range counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Normal play time, from the begin of the presentation.
    Npt,
    /// Absolute time in UTC.
    Clock,
    /// SMPTE time codes, with this many frames a second.
    Smpte {
        /// 30 also where the codes drop frames, 25 else.
        frames_per_second: u8,
    },
    /// Another one.
    Other,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instant {
    /// The live moment.
    Now,
    /// This long after the begin of the presentation.
    Offset(Span),
    /// This moment.
    At(Timestamp),
}

/// A Range field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeHeader<'a> {
    /// The whole value.
    pub text: Spanned<'a>,
    /// How it counts.
    pub unit: Unit,
    /// Where playing begins; `None` where that is left open.
    pub from: Option<Instant>,
    /// Where playing ends; `None` where that is left open.
    pub to: Option<Instant>,
    /// The wall clock time at which it is to begin (`time=`).
    pub time: Option<Spanned<'a>>,
}

impl RangeHeader<'_> {
    /// How much of the presentation it names; `None` where an end is open or is the live moment.
    pub fn duration(&self) -> Option<Span> {
        match (self.from?, self.to?) {
            (Instant::Offset(from), Instant::Offset(to)) => Some((to - from).abs()),
            (Instant::At(from), Instant::At(to)) => Some((to - from).abs()),
            (Instant::Now | Instant::Offset(_) | Instant::At(_), _) => None,
        }
    }
}

/// Reads a Range value, best effort. Places are those of `value`, hence of the message.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn parse(value: Spanned<'_>) -> Parsed<RangeHeader<'_>> {
    let mut notes = Notes::default();
    let value = value.trim();
    let (range, params) = match value.split_once(b';') {
        Some((range, params)) => (range.trim(), Some(params)),
        None => (value.clone(), None),
    };
    let (unit_text, ends) = range
        .split_once(b'=')
        .unwrap_or_else(|| (range.slice(0..0), range.clone()));
    let unit = unit_of(&unit_text.trim());
    if unit == Unit::Other {
        notes.add(range.at.clone(), "a range in a unit that is not known");
    }
    let (from, to) = ends.split_once(b'-').unwrap_or_else(|| {
        notes.add(ends.at.clone(), "a range without a hyphen");
        (ends.clone(), ends.slice(ends.len()..ends.len()))
    });
    let (from, to) = (from.trim(), to.trim());
    let mut read = |end: &Spanned<'_>| {
        let instant = instant::read(end, unit);
        if instant.is_none() && !end.is_empty() && unit != Unit::Other {
            notes.add(end.at.clone(), "a time that cannot be read");
        }
        instant
    };
    let header = RangeHeader {
        unit,
        from: read(&from),
        to: read(&to),
        time: params.and_then(|params| time_param(&params)),
        text: value.clone(),
    };
    if from.is_empty() && to.is_empty() {
        notes.add(value.at, "a range without an end");
    }
    notes.finish(header)
}

fn unit_of(name: &Spanned<'_>) -> Unit {
    if name.is("npt") {
        Unit::Npt
    } else if name.is("clock") {
        Unit::Clock
    } else if name.is("smpte-25") {
        Unit::Smpte {
            frames_per_second: 25,
        }
    } else if name.is("smpte") || name.is("smpte-30-drop") {
        Unit::Smpte {
            frames_per_second: 30,
        }
    } else {
        Unit::Other
    }
}

fn time_param<'a>(params: &Spanned<'a>) -> Option<Spanned<'a>> {
    let mut rest = params.clone();
    loop {
        let (param, behind) = match rest.split_once(b';') {
            Some((param, behind)) => (param, Some(behind)),
            None => (rest, None),
        };
        match param.split_once(b'=') {
            Some((name, value)) if name.trim().is("time") => return Some(value.trim()),
            Some(_) | None => rest = behind?,
        }
    }
}

/// Reads a Scale or a Speed value: a decimal number, for Scale also a negative one. Of a range of speeds (RTSP 2.0) it is the
/// lower one.
pub fn pace(value: &Spanned<'_>) -> Option<f64> {
    let text = value.trim().text();
    let end = text
        .char_indices()
        .skip(1)
        .find(|(_, letter)| *letter == '-');
    let number = text.get(..end.map_or(text.len(), |(at, _)| at))?;
    let is_decimal = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '+');
    let pace: f64 = number
        .chars()
        .all(is_decimal)
        .then(|| number.parse().ok())??;
    pace.is_finite().then_some(pace)
}

#[cfg(test)]
mod tests;
