//! Points in time for people and for programs, in UTC.

use rtspscope_wire::Timestamp;

/// RFC 3339 with nanoseconds.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()))
        .map_or_else(|_| at.as_nanos().to_string(), |at| format!("{at:.9}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nine_digits_and_a_z() {
        assert_eq!(
            rfc3339(Timestamp(1_700_000_000_000_000_001)),
            "2023-11-14T22:13:20.000000001Z"
        );
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(Timestamp(-1)), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn the_ends_of_the_clock_can_be_shown() {
        assert_eq!(
            rfc3339(Timestamp(i64::MAX)),
            "2262-04-11T23:47:16.854775807Z"
        );
        assert_eq!(
            rfc3339(Timestamp(i64::MIN)),
            "1677-09-21T00:12:43.145224192Z"
        );
    }
}
