use proptest::prelude::*;

use super::*;
use crate::model::name::is_id;

#[test]
fn tokens_have_the_documented_form() {
    for kind in TokenKind::ALL {
        let token = Token::generate(kind).unwrap();
        assert_eq!(token.expose().len(), kind.prefix().len() + 12 + 43 + 6);
        assert_eq!(id(kind, token.expose()), Some(token.id()));
        assert!(is_id(token.id()), "{} is good in a resource name", token.id());
        for other in TokenKind::ALL.into_iter().filter(|other| *other != kind) {
            assert_eq!(id(other, token.expose()), None);
        }
    }
}

#[test]
fn no_secret_reaches_a_log() {
    let token = Token::generate(TokenKind::ApiKey).unwrap();
    assert_eq!(format!("{token:?}"), format!("sbx_{}…", token.id()));
    assert_eq!(token.loggable(), &token.expose()[..16]);
    assert_eq!(format!("{:?}", Pepper::new(&[7; 32])), "Pepper(…)");
}

#[test]
fn the_whole_range_of_secrets_fits() {
    let encoded = |secret: [u8; 32]| {
        let mut out = String::new();
        base62::push_secret(&mut out, &secret);
        out
    };
    assert_eq!(encoded([0; 32]), "0".repeat(43));
    let mut one = [0; 32];
    one[31] = 61;
    assert_eq!(encoded(one), format!("{}z", "0".repeat(42)));
    assert_eq!(encoded([255; 32]).len(), 43);
}

#[test]
fn hashes_are_those_that_others_compute() {
    // printf abc | sha256sum
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256("abc").to_string(), abc);
    // python3: hmac.new(bytes(32), hashlib.sha256(b"abc").digest(), "sha256").digest()[:16].hex()
    let digest = Pepper::new(&[0; 32]).digest(&sha256("abc"));
    assert_eq!(
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "0b18f2bc0fb546053597876e4b0fbe81"
    );
}

proptest! {
    #[test]
    fn a_changed_character_is_noticed(at in 0_usize..65, to in "[0-9A-Za-z_]") {
        let token = Token::generate(TokenKind::ApiKey).unwrap();
        let mut text = token.expose().to_owned();
        text.replace_range(at..=at, &to);
        prop_assert_eq!(id(TokenKind::ApiKey, &text).is_some(), text == token.expose());
    }

    #[test]
    fn any_text_can_be_looked_at(text in "\\PC{0,80}|sbx_\\PC{61}|sbx_[0-9A-Za-z]{61}") {
        // 2^-32 of the last form are well formed by chance.
        let _ = id(TokenKind::ApiKey, &text);
    }
}
