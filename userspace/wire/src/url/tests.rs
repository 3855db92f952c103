use super::*;

type Parts = (Option<String>, Option<String>, String, Option<u16>, String);

fn parts(text: &str) -> Parts {
    let url = split(Spanned::new(text.as_bytes(), 0)).expect("a host");
    let owned = |part: Spanned<'_>| part.text().into_owned();
    (
        url.scheme.map(owned),
        url.userinfo.map(owned),
        owned(url.host),
        url.port,
        owned(url.path),
    )
}

fn expected(
    scheme: Option<&str>,
    userinfo: Option<&str>,
    host: &str,
    port: Option<u16>,
    path: &str,
) -> Parts {
    (
        scheme.map(str::to_owned),
        userinfo.map(str::to_owned),
        host.to_owned(),
        port,
        path.to_owned(),
    )
}

#[test]
fn a_url_falls_into_its_parts() {
    assert_eq!(
        parts("rtsp://me:pw@192.0.2.1:8554/a/b?c=d"),
        expected(
            Some("rtsp"),
            Some("me:pw"),
            "192.0.2.1",
            Some(8554),
            "/a/b?c=d"
        )
    );
    assert_eq!(
        parts("rtsps://[2001:db8::1]:322"),
        expected(Some("rtsps"), None, "2001:db8::1", Some(322), "")
    );
    assert_eq!(
        parts("rtsp://cam.example?x=1"),
        expected(Some("rtsp"), None, "cam.example", None, "?x=1")
    );
}

#[test]
fn places_are_those_of_the_message() {
    let url = split(Spanned::new(b" rtsp://u@h/p", 10)).expect("a host");
    assert_eq!(
        (url.userinfo.map(|user| user.at), url.host.at, url.path.at),
        (Some(18..19), 20..21, 21..23)
    );
}

#[test]
fn a_doubled_scheme_and_a_missing_one_are_tolerated() {
    let doubled = split(Spanned::new(b"rtsp://rtsp://192.0.2.1/a", 0)).expect("a host");
    assert_eq!(
        (doubled.host.bytes, doubled.doubled_scheme),
        (&b"192.0.2.1"[..], true)
    );
    assert_eq!(
        parts("192.0.2.1:554/ch1"),
        expected(None, None, "192.0.2.1", Some(554), "/ch1")
    );
}

#[test]
fn a_star_has_no_parts() {
    assert_eq!(split(Spanned::new(b"*", 0)), None);
    assert_eq!(split(Spanned::new(b"/path", 0)), None);
    assert_eq!(split(Spanned::new(b"", 0)), None);
}

#[test]
fn a_port_beyond_16_bits_is_unknown() {
    assert_eq!(parts("rtsp://h:70000/").3, None);
}

#[test]
fn ports_have_defaults_by_scheme() {
    let port = |text: &'static str| {
        split(Spanned::new(text.as_bytes(), 0)).map(|url| url.port_or_default())
    };
    assert_eq!(
        (port("rtsp://h"), port("RTSPS://h"), port("rtsp://h:1")),
        (Some(554), Some(322), Some(1))
    );
}

#[test]
fn a_password_with_a_slash_ends_at_its_at_sign() {
    assert_eq!(parts("rtsp://u:p/w@h/a").2, "h");
}

#[test]
fn content_base_goes_before_content_location_before_the_request() {
    let at = |text: &'static str| Spanned::new(text.as_bytes(), 0);
    assert_eq!(base_url(Some(at("b")), Some(at("l")), at("r")).bytes, b"b");
    assert_eq!(base_url(Some(at(" ")), Some(at("l")), at("r")).bytes, b"l");
    assert_eq!(base_url(None, None, at("r")).bytes, b"r");
}

#[test]
fn an_absolute_control_stands_for_itself() {
    assert_eq!(
        resolve_control("rtsp://h/a/", "rtsp://k:8554/b"),
        "rtsp://k:8554/b"
    );
}

#[test]
fn a_star_and_an_empty_control_mean_the_base() {
    assert_eq!(resolve_control("rtsp://h/a/", "*"), "rtsp://h/a/");
    assert_eq!(resolve_control("rtsp://h/a", ""), "rtsp://h/a");
}

#[test]
fn a_relative_control_goes_behind_the_base_with_one_slash() {
    for base in ["rtsp://h/a", "rtsp://h/a/"] {
        assert_eq!(resolve_control(base, "trackID=1"), "rtsp://h/a/trackID=1");
        assert_eq!(resolve_control(base, "/trackID=1"), "rtsp://h/a/trackID=1");
    }
    assert_eq!(
        resolve_control("rtsp://h/cam?ch=1", "trackID=1"),
        "rtsp://h/cam?ch=1/trackID=1"
    );
}

#[test]
fn every_way_in_which_clients_join_is_known() {
    let base = "rtsp://h:554/dir/cam?ch=1";
    for uri in [
        "rtsp://h/dir/cam?ch=1/trackID=1",
        "rtsp://h/dir/cam/trackID=1?ch=1",
        "rtsp://H:554/dir/trackID=1",
        "RTSP://me:pw@h/dir/cam?ch=1/trackID=1/",
    ] {
        assert!(is_control_uri(uri, base, "trackID=1"), "{uri}");
    }
    assert!(is_control_uri("rtsp://h/trackID=1", base, "/trackID=1"));
    for uri in [
        "rtsp://h/dir/cam?ch=1/trackID=2",
        "rtsp://k/dir/cam?ch=1/trackID=1",
        "rtsp://h:8554/dir/trackID=1",
    ] {
        assert!(!is_control_uri(uri, base, "trackID=1"), "{uri}");
    }
}

#[test]
fn the_path_of_a_control_is_the_same_at_another_host_and_port() {
    let base = "rtsp://192.168.1.90/stream1/";
    for control in ["track1", "rtsp://192.168.1.90/stream1/track1"] {
        let asked = "rtsp://203.0.113.1:4554/stream1/track1";
        assert!(is_control_path(asked, base, control), "{control}");
        assert!(!is_control_uri(asked, base, control), "{control}");
        for uri in [
            "rtsp://203.0.113.1:4554/stream1/track2",
            "rtsp://203.0.113.1:4554/stream1",
        ] {
            assert!(!is_control_path(uri, base, control), "{uri}");
        }
    }
    assert!(!is_control_path(
        "rtsp://203.0.113.1",
        "rtsp://192.168.1.90/",
        "*"
    ));
}

#[test]
fn a_base_without_a_path_is_no_directory_to_replace() {
    assert!(is_control_uri(
        "rtsp://h/streamid=0",
        "rtsp://h",
        "streamid=0"
    ));
    assert!(!is_control_uri(
        "rtsp://streamid=0",
        "rtsp://h",
        "streamid=0"
    ));
}
