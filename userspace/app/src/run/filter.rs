//! tcpdump expressions, compiled once per link type by libpcap.

#[cfg(feature = "pcap")]
pub(crate) use with_libpcap::Filter;
#[cfg(not(feature = "pcap"))]
pub(crate) use without_libpcap::Filter;

#[cfg(feature = "pcap")]
mod with_libpcap {
    use std::collections::BTreeMap;
    use std::fmt;

    use pcap::{BpfProgram, Capture, Linktype};
    use rtspscope_wire::{FrameRef, LinkType};

    use crate::failure::Failure;

    /// A tcpdump expression that frames match or not.
    pub(crate) struct Filter {
        expression: String,
        /// `None` for a link type on which the expression means nothing: then no frame matches.
        programs: BTreeMap<u16, Option<BpfProgram>>,
    }

    impl Filter {
        /// Checks the expression on Ethernet, where every expression has a meaning.
        pub(crate) fn new(expression: &str) -> Result<Self, Failure> {
            let program = compile(expression, LinkType::ETHERNET).map_err(|error| {
                Failure::new(
                    "--filter",
                    error,
                    "write it as for tcpdump (man pcap-filter)",
                )
            })?;
            let programs = BTreeMap::from([(LinkType::ETHERNET.0, Some(program))]);
            Ok(Self {
                expression: expression.to_owned(),
                programs,
            })
        }

        /// Whether the frame is of interest.
        pub(crate) fn matches(&mut self, frame: &FrameRef<'_>) -> bool {
            let expression = &self.expression;
            let program = self
                .programs
                .entry(frame.link_type.0)
                .or_insert_with(|| compile(expression, frame.link_type).ok());
            program
                .as_ref()
                .is_some_and(|program| program.filter(frame.bytes))
        }
    }

    fn compile(expression: &str, link_type: LinkType) -> Result<BpfProgram, String> {
        let raw_ip = [LinkType::RAW, LinkType::IPV4, LinkType::IPV6].contains(&link_type);
        // libpcap compiles for DLT numbers, of which raw IP's is not its link type's.
        let dlt = if raw_ip { 12 } else { i32::from(link_type.0) };
        let capture = Capture::dead(Linktype(dlt)).map_err(|error| error.to_string())?;
        capture
            .compile(expression, true)
            .map_err(|error| error.to_string())
    }

    impl fmt::Debug for Filter {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter
                .debug_struct("Filter")
                .field("expression", &self.expression)
                .finish_non_exhaustive()
        }
    }

    #[cfg(test)]
    mod tests {
        use rtspscope_wire::{Direction, TapId, Timestamp};

        use super::*;

        /// An IPv4 header with UDP ports 5000 and 6000.
        const DATAGRAM: [u8; 28] = [
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0x17,
            0x70, 0, 8, 0, 0,
        ];

        fn raw_ip() -> FrameRef<'static> {
            FrameRef {
                at: Timestamp(0),
                tap: TapId(0),
                direction: Direction::Unknown,
                link_type: LinkType::RAW,
                number: 1,
                original_len: 28,
                bytes: &DATAGRAM,
            }
        }

        #[test]
        fn an_expression_is_compiled_for_the_frames_link_type() {
            assert!(Filter::new("udp port 6000").unwrap().matches(&raw_ip()));
            assert!(!Filter::new("tcp").unwrap().matches(&raw_ip()));
        }

        #[test]
        fn a_wrong_expression_is_told_at_once() {
            assert!(
                Filter::new("udp prot 6000")
                    .unwrap_err()
                    .to_string()
                    .starts_with("--filter: ")
            );
        }
    }
}

#[cfg(not(feature = "pcap"))]
mod without_libpcap {
    use rtspscope_wire::FrameRef;

    use crate::failure::Failure;

    /// Takes the place of a tcpdump expression in a build without libpcap; it cannot be made.
    #[derive(Debug)]
    pub(crate) enum Filter {}

    impl Filter {
        /// Says that this build has no filter.
        pub(crate) fn new(_expression: &str) -> Result<Self, Failure> {
            let remedy = "build with --features pcap, or filter with tcpdump first";
            Err(Failure::new(
                "--filter",
                "this build has no libpcap",
                remedy,
            ))
        }

        /// Whether the frame is of interest.
        pub(crate) fn matches(&mut self, _frame: &FrameRef<'_>) -> bool {
            match *self {}
        }
    }
}
