#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rtspscope_hostile::netfilter(data));
