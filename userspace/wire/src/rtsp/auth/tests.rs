use super::*;

fn blanked(text: &str) -> String {
    let blanked = redacted(text.as_bytes());
    assert_eq!(blanked.len(), text.len());
    String::from_utf8(blanked.into_owned()).expect("blanking keeps ASCII as it is")
}

#[test]
fn what_holds_no_secret_is_not_copied() {
    let raw =
        b"OPTIONS rtsp://192.0.2.1:554/a@b RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: me@home\r\n\r\n";
    assert!(matches!(redacted(raw), Cow::Borrowed(_)));
}

#[test]
fn credentials_are_blanked_and_lengths_stay() {
    assert_eq!(
        blanked("OPTIONS * RTSP/1.0\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nCSeq: 1\r\n\r\n"),
        "OPTIONS * RTSP/1.0\r\nAuthorization: Basic ****************\r\nCSeq: 1\r\n\r\n"
    );
}

#[test]
fn digest_keeps_realm_nonce_and_uri() {
    assert_eq!(
        blanked(
            "authorization:Digest username=\"ad,min\", realm=\"IP, Camera\", nonce=\"4f\", uri=\"rtsp://h/a\", response=\"0123abcd\", cnonce=xy, qop=auth, nc=00000001\r\n"
        ),
        "authorization:Digest username=\"******\", realm=\"IP, Camera\", nonce=\"4f\", uri=\"rtsp://h/a\", response=\"********\", cnonce=**, qop=auth, nc=00000001\r\n"
    );
}

#[test]
fn unknown_digest_parameters_are_blanked() {
    assert_eq!(
        blanked("Authorization: Digest rEsPonse =ab, x-key=cd, junk\n"),
        "Authorization: Digest rEsPonse =**, x-key=**, ****\n"
    );
}

#[test]
fn a_folded_authorization_is_blanked_to_its_end() {
    assert_eq!(
        blanked(
            "Authorization: Digest username=\"u\",\r\n realm=\"r\",\r\n\tresponse=\"abc\"\r\nCSeq: 2\r\n"
        ),
        "Authorization: Digest username=\"*\",\r\n realm=\"r\",\r\n\tresponse=\"***\"\r\nCSeq: 2\r\n"
    );
}

#[test]
fn other_schemes_and_bare_blobs_are_blanked() {
    assert_eq!(
        blanked("Proxy-Authorization: Bearer abc.def\r\n"),
        "Proxy-Authorization: Bearer *******\r\n"
    );
    assert_eq!(
        blanked("Authorization: YWRtaW4\r\n"),
        "Authorization: *******\r\n"
    );
    assert_eq!(
        blanked("Authorization: Basic\r\n"),
        "Authorization: Basic\r\n"
    );
    assert_eq!(
        blanked("Authentication-Info: rspauth=\"ab\", qop=auth\r\n"),
        "Authentication-Info: rspauth=\"**\", qop=auth\r\n"
    );
}

#[test]
fn a_fragment_without_its_head_is_blanked_too() {
    assert_eq!(
        blanked("\u{1}\u{2}Authorization: Basic YWRt"),
        "\u{1}\u{2}Authorization: Basic ****"
    );
}

#[test]
fn challenges_stay_readable() {
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=\"FALSE\"\r\n";
    assert_eq!(blanked(challenge), challenge);
}

#[test]
fn userinfo_goes_from_every_url_in_head_and_body() {
    assert_eq!(
        blanked(
            "DESCRIBE rtsp://admin:s3:cret@192.0.2.1/a RTSP/1.0\r\nContent-Base: rtsps://u@h/\r\n\r\na=control:http://x:y@h/t\r\n"
        ),
        "DESCRIBE rtsp://*************@192.0.2.1/a RTSP/1.0\r\nContent-Base: rtsps://*@h/\r\n\r\na=control:http://***@h/t\r\n"
    );
}

#[test]
fn a_password_with_an_at_sign_or_a_slash_is_blanked_whole() {
    assert_eq!(
        blanked("rtsp://admin:p@ss@192.0.2.1/a"),
        "rtsp://**********@192.0.2.1/a"
    );
    assert_eq!(
        blanked("rtsp://admin:p/s#s?@192.0.2.1:554/a"),
        "rtsp://************@192.0.2.1:554/a"
    );
    assert_eq!(
        blanked("rtsp://192.0.2.1:554/a?mail=x@y"),
        "rtsp://192.0.2.1:554/a?mail=x@y"
    );
    assert_eq!(
        blanked("rtsp://[2001:db8::1]:554/a@b"),
        "rtsp://[2001:db8::1]:554/a@b"
    );
}

#[test]
fn a_password_whose_end_is_missing_is_blanked() {
    assert_eq!(
        blanked("DESCRIBE rtsp://admin:s3cr"),
        "DESCRIBE rtsp://**********"
    );
    for whole in [
        "rtsp://192.0.2.1:554",
        "rtsp://[2001:db8::1]:554",
        "rtsp://cam",
    ] {
        assert_eq!(blanked(whole), whole);
    }
}

#[test]
fn a_doubled_scheme_hides_no_userinfo() {
    assert_eq!(
        blanked("Content-Base: rtsp://rtsp://a:b@h/x\r\n"),
        "Content-Base: rtsp://*********@h/x\r\n".replace("rtsp://*********", "rtsp://rtsp://***")
    );
}

#[test]
fn the_uri_of_a_digest_loses_its_userinfo() {
    assert_eq!(
        blanked("Authorization: Digest uri=\"rtsp://a:b@h/x\"\r\n"),
        "Authorization: Digest uri=\"rtsp://***@h/x\"\r\n"
    );
}

#[test]
fn parameters_named_like_a_password_are_blanked() {
    assert_eq!(
        blanked("rtsp://h/a?username=me&password=x_y&channel=1"),
        "rtsp://h/a?username=**&password=***&channel=1"
    );
    assert_eq!(
        blanked("rtsp://h/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream"),
        "rtsp://h/user=*****_password=********_channel=1_stream=0.sdp?real_stream"
    );
}

#[test]
fn keys_of_srtp_are_blanked() {
    assert_eq!(
        blanked(
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVe|2^20|1:32\r\nk=base64:abc\r\na=key-mgmt:mikey AQAF\r\n"
        ),
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:********|2^20|1:32\r\nk=base64:***\r\na=key-mgmt:mikey ****\r\n"
    );
    assert_eq!(
        blanked("KeyMgmt: prot=mikey;data=\"AQAF\"\r\n"),
        "KeyMgmt: **********************\r\n"
    );
}

#[test]
fn ranges_are_in_order_and_apart() {
    let raw = b"Authorization: Basic rtsp://a:b@h\r\nrtsp://c:d@h";
    assert_eq!(secrets(raw), [21..33, 42..45]);
}
