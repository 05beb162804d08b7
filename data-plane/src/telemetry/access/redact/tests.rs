use proptest::prelude::*;

use super::*;

#[test]
fn ordinary_text_is_left_alone() {
    assert!(matches!(clean("tasks/get"), Cow::Borrowed("tasks/get")));
    assert!(matches!(clean("sb_x"), Cow::Borrowed(_)));
}

#[test]
fn a_token_loses_everything_but_its_prefix() {
    assert_eq!(clean("/a2a/sbx_k3yS3cretCheck/weather"), "/a2a/sbx_…/weather");
    assert_eq!(clean("sbx_a,sbx_b sbx_"), "sbx_…,sbx_… sbx_…");
}

#[test]
fn a_token_at_the_cut_does_not_survive_in_part() {
    let text = format!("{}sbx_{}", "x".repeat(TEXT_MAX_BYTES - 10), "s".repeat(100));
    let cleaned = clean(&text);
    assert!(cleaned.ends_with("sbx_……"), "{cleaned}");
    assert!(!cleaned.contains("ss"));
}

#[test]
fn long_text_is_cut_between_characters() {
    let text = "é".repeat(TEXT_MAX_BYTES);
    let cleaned = clean(&text);
    assert_eq!(cleaned.len(), TEXT_MAX_BYTES + CUT.len());
    let odd = format!("x{text}");
    assert_eq!(clean(&odd).len(), TEXT_MAX_BYTES - 1 + CUT.len());
}

proptest! {
    #[test]
    fn no_secret_passes_wherever_it_stands(before in "[ -~é]{0,600}", secret in "[a-zA-Z0-9]{32,60}", after in "[/ ,].{0,600}") {
        let text = format!("{before}sbx_{secret}{after}");
        prop_assert!(!clean(&text).contains(&secret[..8]) || before.contains(&secret[..8]) || after.contains(&secret[..8]));
    }

    #[test]
    fn the_length_is_bounded(text in "(sbx_|.){0,700}") {
        // Each token of four bytes may become seven; nothing else grows.
        prop_assert!(clean(&text).len() <= TEXT_MAX_BYTES * 2 + CUT.len());
    }
}
