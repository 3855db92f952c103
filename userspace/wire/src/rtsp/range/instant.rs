//! One end of a range, in each of the three notations.

use super::{Instant, Unit};
use crate::{Span, Spanned, Timestamp};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Reads an end; `None` for one that is empty or cannot be read.
pub(super) fn read(text: &Spanned<'_>, unit: Unit) -> Option<Instant> {
    match unit {
        Unit::Npt if text.is("now") => Some(Instant::Now),
        Unit::Npt => npt(text).map(Instant::Offset),
        Unit::Clock => clock(text.bytes).map(Instant::At),
        Unit::Smpte { frames_per_second } => smpte(text, frames_per_second).map(Instant::Offset),
        Unit::Other => None,
    }
}

/// `12.3` or `h:mm:ss.fraction`; also with fewer parts, as some write it.
fn npt(text: &Spanned<'_>) -> Option<Span> {
    let (whole, fraction) = match text.split_once(b'.') {
        Some((whole, fraction)) => (whole, nanos(fraction.bytes)?),
        None => (text.clone(), 0),
    };
    let secs = sexagesimal(&whole, 3)?;
    Some(Span(
        secs.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction)?,
    ))
}

/// `hh:mm:ss:frames.subframes`, the last two left out at will.
fn smpte(text: &Spanned<'_>, frames_per_second: u8) -> Option<Span> {
    let mut parts = text.bytes.splitn(4, |&byte| byte == b':');
    let mut secs = 0_i64;
    for _ in 0..3 {
        secs = secs.checked_mul(60)?.checked_add(number(parts.next()?)?)?;
    }
    let frames = match parts.next() {
        Some(frames) => number(frames.split(|&byte| byte == b'.').next()?)?,
        None => 0,
    };
    let of_frames = frames.checked_mul(NANOS_PER_SECOND)? / i64::from(frames_per_second);
    Some(Span(
        secs.checked_mul(NANOS_PER_SECOND)?.checked_add(of_frames)?,
    ))
}

/// `19961108T142300.25Z`.
fn clock(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (b'T' | b't', rest) = rest.split_first()? else {
        return None;
    };
    let (time, rest) = rest.split_first_chunk::<6>()?;
    let (b'Z' | b'z', fraction) = rest.split_last()? else {
        return None;
    };
    let fraction = match fraction {
        [] => 0,
        [b'.', digits @ ..] => nanos(digits)?,
        _ => return None,
    };
    let days = days_since_1970(
        number(&date[..4])?,
        number(&date[4..6])?,
        number(&date[6..])?,
    )?;
    let [hours, minutes, secs] = [&time[..2], &time[2..4], &time[4..]].map(number);
    let secs = ((days * 24 + hours?) * 60 + minutes?) * 60 + secs?;
    let nanos = secs.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction)?;
    Some(Timestamp(nanos))
}

/// Days from 1970-01-01 in the Gregorian calendar, by counting from a March, behind which leap days stand last in the year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let before_month = (153 * month_from_march + 2) / 5;
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    Some(before_year + before_month + day - 1 - 719_468)
}

/// Numbers joined by colons, each worth 60 of the next.
fn sexagesimal(text: &Spanned<'_>, max_parts: usize) -> Option<i64> {
    let parts = text.bytes.split(|&byte| byte == b':');
    if parts.clone().count() > max_parts {
        return None;
    }
    let mut sum = 0_i64;
    for part in parts {
        sum = sum.checked_mul(60)?.checked_add(number(part)?)?;
    }
    Some(sum)
}

/// Digits behind a decimal point as billionths; what is finer is cut off.
fn nanos(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for index in 0..9 {
        let digit = digits.get(index).copied().unwrap_or(b'0');
        value = value * 10 + i64::from(digit.is_ascii_digit().then_some(digit)? - b'0');
    }
    digits.iter().all(u8::is_ascii_digit).then_some(value)
}

fn number(digits: &[u8]) -> Option<i64> {
    Spanned::new(digits, 0).number()
}
