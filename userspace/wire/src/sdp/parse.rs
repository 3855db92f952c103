//! The lines of a description, one after the other.

use super::fields::{read_attribute, read_connection, read_direction, read_origin};
use super::media;
use super::{Attribute, LineEnding, Protection, SdpMedia, SdpSlice};
use crate::lines::{Line, LineEnd, LineEndTally, Lines};
use crate::notes::Notes;
use crate::{Parsed, Spanned};

/// Media descriptions that are read of one body; real ones have fewer than ten.
const MAX_MEDIA: usize = 128;

/// Attributes that are read of one level; real ones have fewer than fifty.
const MAX_ATTRIBUTES: usize = 512;

/// Reads a session description, best effort. Ranges count from the first byte of `body`.
pub fn parse(body: &[u8]) -> Parsed<SdpSlice<'_>> {
    let mut reader = Reader::new(body);
    for line in Lines::new(body, 0) {
        reader.take(&line);
    }
    reader.finish()
}

struct Reader<'a> {
    whole: Spanned<'a>,
    sdp: SdpSlice<'a>,
    notes: Notes,
    ends: LineEndTally,
    bare_end: Option<std::ops::Range<usize>>,
    has_version: bool,
    /// A media description was left away, and its lines with it.
    is_full: bool,
}

impl<'a> Reader<'a> {
    fn new(body: &'a [u8]) -> Self {
        let sdp = SdpSlice {
            origin: None,
            name: None,
            information: None,
            timing: None,
            connection: None,
            control: None,
            direction: None,
            protection: Protection::default(),
            attributes: Vec::new(),
            media: Vec::new(),
            line_ending: LineEnding::CrLf,
        };
        Self {
            whole: Spanned::new(body, 0),
            sdp,
            notes: Notes::default(),
            ends: LineEndTally::default(),
            bare_end: None,
            has_version: false,
            is_full: false,
        }
    }

    fn take(&mut self, line: &Line) {
        self.ends.count(line.end);
        if !matches!(line.end, LineEnd::CrLf | LineEnd::Cut) && self.bare_end.is_none() {
            self.bare_end = Some(line.text.end..line.next);
        }
        let text = self.whole.slice(line.text.clone());
        let (kind, value) = match text.bytes {
            [] => return,
            [kind, b'=', ..] if kind.is_ascii_alphabetic() => {
                (*kind, text.slice(2..text.len()).trim())
            }
            _ => {
                return self
                    .notes
                    .add(text.at, "a line that is no letter, equals sign and value");
            }
        };
        if kind == b'm' {
            return self.open_media(value);
        }
        match self.sdp.media.last_mut() {
            Some(_) if self.is_full => {}
            Some(medium) => take_media_line(medium, kind, value, line, &mut self.notes),
            None => self.take_session_line(kind, value, line),
        }
    }

    fn open_media(&mut self, value: Spanned<'a>) {
        if self.sdp.media.len() == MAX_MEDIA {
            self.is_full = true;
            return self
                .notes
                .add(value.at, "more media descriptions than are read");
        }
        self.sdp.media.push(media::open(value, &mut self.notes));
    }

    fn take_session_line(&mut self, kind: u8, value: Spanned<'a>, line: &Line) {
        match kind {
            b'v' => {
                self.has_version = true;
                if value.bytes != b"0" {
                    self.notes.add(value.at, "a version other than 0");
                }
            }
            b'o' => self.sdp.origin = Some(read_origin(value, &mut self.notes)),
            b's' => self.sdp.name = Some(value),
            b'i' => {
                if value.is_empty() {
                    self.notes.add(line.text.clone(), "an empty i= line");
                }
                self.sdp.information = Some(value);
            }
            b't' => {
                self.sdp.timing.get_or_insert(value);
            }
            b'c' => self.sdp.connection = Some(read_connection(value, &mut self.notes)),
            b'a' => {
                let attribute = read_attribute(&value, line);
                mark_protection(&mut self.sdp.protection, &attribute);
                if attribute.name.is("control") {
                    self.sdp.control.clone_from(&attribute.value);
                }
                self.sdp.direction = read_direction(&attribute.name).or(self.sdp.direction);
                push_capped(&mut self.sdp.attributes, attribute, &mut self.notes);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Parsed<SdpSlice<'a>> {
        let missing = [
            (self.has_version, "no v= line"),
            (self.sdp.origin.is_some(), "no o= line"),
            (self.sdp.name.is_some(), "no s= line"),
            (self.sdp.timing.is_some(), "no t= line"),
        ];
        for (_, what) in missing.into_iter().filter(|(is_there, _)| !is_there) {
            self.notes.add(0..0, what);
        }
        self.sdp.line_ending = self.ends.ending();
        if let Some(at) = self.bare_end {
            self.notes.add(at, "a line ends otherwise than with CR LF");
        }
        for medium in &mut self.sdp.media {
            media::close(medium);
        }
        self.notes.finish(self.sdp)
    }
}

fn take_media_line<'a>(
    medium: &mut SdpMedia<'a>,
    kind: u8,
    value: Spanned<'a>,
    line: &Line,
    notes: &mut Notes,
) {
    match kind {
        b'c' => medium.connection = Some(read_connection(value, notes)),
        b'i' if value.is_empty() => notes.add(line.text.clone(), "an empty i= line"),
        b'a' => {
            let attribute = read_attribute(&value, line);
            mark_protection(&mut medium.protection, &attribute);
            media::take_attribute(medium, &attribute, notes);
            push_capped(&mut medium.attributes, attribute, notes);
        }
        _ => {}
    }
}

fn mark_protection(protection: &mut Protection, attribute: &Attribute<'_>) {
    protection.crypto |= attribute.name.is("crypto");
    protection.fingerprint |= attribute.name.is("fingerprint");
    protection.key_mgmt |= attribute.name.is("key-mgmt");
}

fn push_capped<'a>(
    attributes: &mut Vec<Attribute<'a>>,
    attribute: Attribute<'a>,
    notes: &mut Notes,
) {
    if attributes.len() < MAX_ATTRIBUTES {
        attributes.push(attribute);
    } else {
        notes.add(attribute.line, "more attributes than are read");
    }
}
