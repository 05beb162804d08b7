use super::{decode, values};

#[test]
fn names_are_compared_decoded_and_without_case() {
    let found: Vec<_> =
        values("a=1&B=2&%62=3+4&b=%zz&c=b", "b").map(|value| value.map(String::from)).collect();
    assert_eq!(found, [Some("2".to_owned()), Some("3 4".to_owned()), None]);
}

#[test]
fn broken_escapes_do_not_decode() {
    assert_eq!(decode("plain").as_deref(), Some("plain"));
    assert_eq!(decode("%41%2b+").as_deref(), Some("A+ "));
    for broken in ["%", "%4", "%4g", "%ff"] {
        assert_eq!(decode(broken), None, "{broken}");
    }
}
