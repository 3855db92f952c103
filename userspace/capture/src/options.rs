//! Options of pcapng blocks, read by code and with the byte order of their section (draft-ietf-opsawg-pcapng §3.5).

use pcap_parser::PcapNGOption;

/// The value of the first option with `code`, without its padding.
pub(crate) fn value<'a>(options: &'a [PcapNGOption<'_>], code: u16) -> Option<&'a [u8]> {
    options
        .iter()
        .find(|option| option.code.0 == code)
        .and_then(|option| option.as_bytes().ok())
}

/// The option as text; what is not UTF-8 in it is replaced.
pub(crate) fn text(options: &[PcapNGOption<'_>], code: u16) -> Option<String> {
    value(options, code)
        .map(|bytes| {
            String::from_utf8_lossy(bytes)
                .trim_end_matches('\0')
                .to_owned()
        })
        .filter(|text| !text.is_empty())
}

/// The option as an unsigned number of one, four or eight bytes.
pub(crate) fn number(options: &[PcapNGOption<'_>], code: u16, big_endian: bool) -> Option<u64> {
    let bytes = value(options, code)?;
    match bytes.len() {
        1 => bytes.first().map(|byte| u64::from(*byte)),
        4 => bytes
            .try_into()
            .ok()
            .map(|bytes| u64::from(u32_of(bytes, big_endian))),
        8 => bytes.try_into().ok().map(|bytes| u64_of(bytes, big_endian)),
        _ => None,
    }
}

/// Four bytes as a number.
pub(crate) const fn u32_of(bytes: [u8; 4], big_endian: bool) -> u32 {
    if big_endian {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    }
}

/// Eight bytes as a number.
pub(crate) const fn u64_of(bytes: [u8; 8], big_endian: bool) -> u64 {
    if big_endian {
        u64::from_be_bytes(bytes)
    } else {
        u64::from_le_bytes(bytes)
    }
}
