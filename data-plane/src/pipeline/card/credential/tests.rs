use http::HeaderName;

use super::*;

fn credential(scheme: &str) -> FetchCredential {
    let header = HeaderName::from_static("authorization");
    FetchCredential { header, scheme: scheme.into(), secret: "card-token".into() }
}

async fn value_of(content: &[u8], scheme: &str) -> Result<HeaderValue, String> {
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("card-token"), content).unwrap();
    let value = header_value(Some(secrets.path()), &credential(scheme)).await;
    value.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_file_is_the_secret_without_the_white_space_around_it() {
    assert_eq!(value_of(b"abc\n", "Bearer").await.unwrap(), "Bearer abc");
    let bare = value_of(b" abc\r\n", "").await.unwrap();
    assert!(bare == "abc" && bare.is_sensitive() && !format!("{bare:?}").contains("abc"));
}

#[tokio::test]
async fn what_is_wrong_with_it_is_said_without_it() {
    for (content, reason) in [
        (b"".as_slice(), "the secret card-token is empty"),
        (b" \n", "the secret card-token is empty"),
        (b"hidden\nsecret", "the secret card-token is no header value"),
        (&[b'x'; 9000], "the secret card-token is larger than 8192 bytes"),
    ] {
        let error = value_of(content, "Bearer").await.unwrap_err();
        assert!(error.contains(reason) && !error.contains("hidden"), "{error}");
    }
    let secrets = tempfile::tempdir().unwrap();
    let missing = header_value(Some(secrets.path()), &credential("")).await.unwrap_err();
    assert_eq!(missing.code(), Code::CardUnavailable);
    assert!(missing.to_string().contains("the secret card-token cannot be read: "), "{missing}");
    let nowhere = header_value(None, &credential("")).await.unwrap_err().to_string();
    assert!(nowhere.contains("there is no --secrets-dir"), "{nowhere}");
}
