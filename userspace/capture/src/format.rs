//! Which reader reads a file, told by its first bytes.

use std::path::Path;

use super::compression::early_end;
use super::item::Tap;
use super::legacy::Legacy;
use super::opening::{cut_header, not_a_capture, unreadable};
use super::pcapng::Pcapng;
use super::tap_opener::TapOpener;
use super::window::Window;
use crate::failure::Failure;

/// A reader at its place in a file.
#[derive(Debug)]
pub(crate) enum Format {
    Legacy(Legacy),
    Pcapng(Pcapng),
}

impl Format {
    /// The reader of a file that begins with `magic`, behind what its format has before the first item. It goes on with the
    /// taps of a file `before` of the same format.
    pub(crate) fn open(
        magic: [u8; 4],
        path: &Path,
        window: &mut Window,
        taps: &mut TapOpener<'_>,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        if Pcapng::is_magic(magic) {
            let before = before.and_then(Self::as_pcapng);
            let reader = before.map_or_else(Pcapng::new, Pcapng::after);
            return Ok(Self::Pcapng(reader));
        }
        if !Legacy::is_magic(magic) {
            return Err(not_a_capture(path));
        }
        let before = before.and_then(Self::as_legacy);
        match Legacy::open(window, taps, before) {
            Ok(Some(reader)) => Ok(Self::Legacy(reader)),
            Ok(None) => Err(cut_header(path)),
            Err(error) if early_end(&error).is_some() => Err(cut_header(path)),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// Whether `other` can be a later part of the same capture: it has the same link type, or the same interfaces.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Legacy(own), Self::Legacy(other)) => own.is_like(other),
            (Self::Pcapng(own), Self::Pcapng(other)) => own.is_like(other),
            (Self::Legacy(_), Self::Pcapng(_)) | (Self::Pcapng(_), Self::Legacy(_)) => false,
        }
    }

    const fn as_legacy(&self) -> Option<&Legacy> {
        match self {
            Self::Legacy(reader) => Some(reader),
            Self::Pcapng(_) => None,
        }
    }

    const fn as_pcapng(&self) -> Option<&Pcapng> {
        match self {
            Self::Pcapng(reader) => Some(reader),
            Self::Legacy(_) => None,
        }
    }

    /// Number of the last frame.
    pub(crate) fn last_number(&self) -> u64 {
        match self {
            Self::Legacy(reader) => reader.last_number(),
            Self::Pcapng(reader) => reader.last_number(),
        }
    }

    /// The taps that are open.
    pub(crate) fn taps(&self) -> Vec<Tap> {
        match self {
            Self::Legacy(reader) => vec![reader.tap()],
            Self::Pcapng(reader) => reader.taps().collect(),
        }
    }
}
