use super::*;

#[test]
fn fingerprints_are_read_in_every_usual_form() {
    let pin = Fingerprint([0xab; 32]);
    let plain = pin.to_string();
    let colons = vec!["AB"; 32].join(":");
    for text in [plain.clone(), colons, format!("sha256:{plain}"), format!(" {plain}\n")] {
        assert_eq!(text.parse(), Ok(pin), "{text}");
    }
    for bad in ["", "ab", "sha1:ab", &"g".repeat(64)] {
        assert_eq!(bad.parse::<Fingerprint>(), Err(NotAFingerprint), "{bad}");
    }
}

#[test]
fn the_server_name_is_a_name() {
    assert_eq!(server_name().to_str(), SERVER_NAME);
}
