use super::*;

type Fields = (Option<String>, Option<u16>, Option<u32>, Option<u32>);

fn read(value: &str) -> Vec<Fields> {
    let entries = parse(Spanned::new(value.as_bytes(), 0)).value;
    let fields = |info: RtpInfo<'_>| {
        (
            info.url.map(|url| url.text().into_owned()),
            info.seq,
            info.rtptime,
            info.ssrc,
        )
    };
    entries.into_iter().map(fields).collect()
}

fn oddities(value: &str) -> Vec<(&str, String)> {
    let anomalies = parse(Spanned::new(value.as_bytes(), 0)).anomalies;
    anomalies
        .into_iter()
        .map(|odd| (&value[odd.at], odd.what))
        .collect()
}

fn entry(url: &str, seq: Option<u16>, rtptime: Option<u32>) -> Fields {
    (Some(url.to_owned()), seq, rtptime, None)
}

#[test]
fn each_stream_has_its_entry() {
    let value = "url=rtsp://h/a/trackID=0;seq=1;rtptime=2, url=rtsp://h/a/trackID=1;seq=65535;rtptime=4294967295";
    assert_eq!(
        read(value),
        [
            entry("rtsp://h/a/trackID=0", Some(1), Some(2)),
            entry("rtsp://h/a/trackID=1", Some(65535), Some(u32::MAX)),
        ]
    );
    assert_eq!(oddities(value), []);
}

#[test]
fn a_relative_url_keeps_its_equals_sign() {
    assert_eq!(
        read("url=trackID=0;seq=7"),
        [entry("trackID=0", Some(7), None)]
    );
}

#[test]
fn a_url_may_hold_semicolons_and_commas() {
    assert_eq!(
        read("url=rtsp://h/a;b=c,d?x=1,2/track;seq=5;rtptime=6"),
        [entry("rtsp://h/a;b=c,d?x=1,2/track", Some(5), Some(6))]
    );
}

#[test]
fn the_form_of_rtsp_2_is_read() {
    let value = "url=\"rtsp://example.com/a/audio\" ssrc=0A13C760:seq=45102;rtptime=12345678,\n url=\"rtsp://example.com/b\" ssrc=9A9DE123:seq=30211;rtptime=29567112";
    assert_eq!(
        read(value),
        [
            (
                Some("rtsp://example.com/a/audio".into()),
                Some(45102),
                Some(12_345_678),
                Some(0x0A13_C760)
            ),
            (
                Some("rtsp://example.com/b".into()),
                Some(30211),
                Some(29_567_112),
                Some(0x9A9D_E123)
            ),
        ]
    );
}

#[test]
fn numbers_out_of_range_are_odd_and_unknown() {
    let value = "url=a;seq=65536;rtptime=-1";
    assert_eq!(read(value), [entry("a", None, None)]);
    let expected = [
        ("65536", "seq is no number of 16 bits".to_owned()),
        ("-1", "rtptime is no number of 32 bits".to_owned()),
    ];
    assert_eq!(oddities(value), expected);
}

#[test]
fn an_rtptime_that_is_the_seq_is_odd() {
    assert_eq!(
        oddities("url=a;seq=17;rtptime=17"),
        [("url=a;seq=17;rtptime=17", "rtptime equals seq".to_owned())]
    );
    assert_eq!(oddities("url=a;seq=0;rtptime=0"), []);
}

#[test]
fn an_entry_without_a_url_keeps_its_numbers() {
    assert_eq!(read("seq=1;rtptime=2"), [(None, Some(1), Some(2), None)]);
    assert_eq!(
        oddities("seq=1;rtptime=2"),
        [(
            "seq=1;rtptime=2",
            "an RTP-Info entry without a url".to_owned()
        )]
    );
}

#[test]
fn places_are_those_of_the_message() {
    let info = parse(Spanned::new(b" url=x;seq=1", 50)).value.remove(0);
    assert_eq!(
        (info.text.at, info.url.map(|url| url.at)),
        (51..62, Some(55..56))
    );
}
