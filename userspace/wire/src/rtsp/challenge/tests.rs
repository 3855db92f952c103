use super::*;

/// Each challenge as `Scheme name=value …`.
fn read(text: &str) -> Vec<String> {
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    assert_eq!(parsed.anomalies, [], "{text}");
    parsed.value.iter().map(told).collect()
}

fn told(challenge: &Challenge<'_>) -> String {
    let params = challenge.params.iter();
    let params = params.map(|(name, value)| format!(" {}={}", name.text(), value.text()));
    format!("{}{}", challenge.scheme.text(), params.collect::<String>())
}

fn oddities(text: &str) -> Vec<String> {
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    parsed.anomalies.into_iter().map(|odd| odd.what).collect()
}

#[test]
fn one_field_may_hold_several_challenges() {
    let text = "Digest realm=\"a, b\", nonce=\"c==\", stale=FALSE,algorithm=MD5, qop=\"auth,auth-int\", Basic realm=\"a, b\"";
    assert_eq!(
        read(text),
        [
            "Digest realm=a, b nonce=c== stale=FALSE algorithm=MD5 qop=auth,auth-int",
            "Basic realm=a, b"
        ]
    );
}

#[test]
fn what_cameras_write_is_read_too() {
    assert_eq!(read("Basic realm=\"/\""), ["Basic realm=/"]);
    assert_eq!(
        read("Digest realm=\"x\" nonce=\"y\""),
        ["Digest realm=x nonce=y"]
    );
    assert_eq!(
        read("digest  realm = x ,nonce= y,"),
        ["digest realm=x nonce=y"]
    );
    assert_eq!(
        read("Digest realm=\"a\\\"b\",nonce=\"\""),
        ["Digest realm=a\\\"b nonce="]
    );
    assert_eq!(read("Digest\r\n realm=\"x\""), ["Digest realm=x"]);
    assert_eq!(
        read("Digest realm=\"open, nonce=1"),
        ["Digest realm=open, nonce=1"]
    );
}

#[test]
fn a_digest_without_an_algorithm_is_made_with_md5() {
    let value = |text: &'static str| parse(Spanned::new(text.as_bytes(), 0)).value.remove(0);
    assert_eq!(value("Digest realm=x").algorithm().as_deref(), Some("MD5"));
    assert_eq!(
        value("Digest algorithm=\"sha-256\"").algorithm().as_deref(),
        Some("SHA-256")
    );
    assert_eq!(value("Basic realm=x").algorithm(), None);
    assert!(value("Digest stale=\"TRUE\"").is_stale());
    assert!(!value("Digest stale=false").is_stale());
}

#[test]
fn values_lie_where_they_say() {
    let parsed = parse(Spanned::new(b"Digest realm=\"x\", nonce=yy", 50));
    let [digest] = parsed.value.as_slice() else {
        panic!("one challenge");
    };
    assert_eq!(digest.scheme.at, 50..56);
    assert_eq!(digest.param("REALM").unwrap().at, 64..65);
    assert_eq!(digest.param("nonce").unwrap().at, 74..76);
}

#[test]
fn what_makes_no_sense_is_told() {
    assert_eq!(oddities(""), ["no scheme of authentication"]);
    assert_eq!(
        oddities("realm=\"x\""),
        [
            "a parameter before any scheme",
            "no scheme of authentication"
        ]
    );
    assert_eq!(oddities("Digest a=1, =x"), ["a value without a name"]);
    assert_eq!(
        oddities("Digest a=1, a=2"),
        ["a parameter that stands twice"]
    );
}

#[test]
fn lists_without_end_are_cut() {
    let text = "Basic, ".repeat(40);
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    assert_eq!(parsed.value.len(), MAX_CHALLENGES);
    let text = format!("Digest {}", "a=1,".repeat(5_000));
    let parsed = parse(Spanned::new(text.as_bytes(), 0));
    assert_eq!(parsed.value[0].params.len(), MAX_PARAMS);
}
