use signalbox_proto::key;

use super::*;
use crate::store::TokenKind;

#[tokio::test]
async fn the_first_admin_token_is_made_once() {
    let fixture = Fixture::new().await;
    let full = || Err(std::io::Error::other("the disk is full"));
    fixture.service.first_admin_token(|_| full()).await.unwrap_err();
    let token = fixture.service.first_admin_token(|_| Ok(())).await.unwrap().unwrap();
    assert!(fixture.service.first_admin_token(|_| full()).await.unwrap().is_none(), "there is one already");
    let known = fixture.service.authenticate(TokenKind::Admin, token.expose()).await.unwrap();
    assert_eq!(known.id, token.id());
    assert_eq!(fixture.service.store().audit(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_lets_in_what_it_was_made_for_until_it_ends() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let life = Some(Duration::from_secs(60));
    let (_, brief) = service.create_data_plane_token(call(), "dataPlanes/a", "eu", life).await.unwrap();
    let (kept, lasting) = service.create_data_plane_token(call(), "dataPlanes/b", "us", None).await.unwrap();

    let known = service.authenticate(TokenKind::DataPlane, brief.expose()).await.unwrap();
    assert_eq!((known.data_plane.as_str(), known.region.as_str()), ("dataPlanes/a", "eu"));
    let other = key::Token::generate(key::TokenKind::DataPlane).unwrap();
    for (kind, text) in [
        (TokenKind::Admin, brief.expose()),
        (TokenKind::DataPlane, other.expose()),
        (TokenKind::DataPlane, ""),
        (TokenKind::DataPlane, "sbxdp_nonsense"),
    ] {
        assert_eq!(reason(service.authenticate(kind, text).await), "UNAUTHENTICATED", "{text}");
    }
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(reason(service.authenticate(TokenKind::DataPlane, brief.expose()).await), "UNAUTHENTICATED");
    service.authenticate(TokenKind::DataPlane, lasting.expose()).await.unwrap();

    let name = format!("dataPlaneTokens/{}", kept.id);
    let revoked = service.revoke_data_plane_token(call(), &name).await.unwrap();
    assert_eq!(revoked.revoke_time, Some(fixture.clock.now()));
    assert_eq!(reason(service.authenticate(TokenKind::DataPlane, lasting.expose()).await), "UNAUTHENTICATED");
    assert_eq!(reason(service.revoke_data_plane_token(call(), "dataPlaneTokens/none").await), "NOT_FOUND");
    assert_eq!(reason(service.revoke_data_plane_token(call(), "none").await), "NOT_FOUND");
}

#[tokio::test]
async fn tokens_are_listed_in_pages() {
    let fixture = Fixture::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let (token, _) =
            fixture.service.create_data_plane_token(call(), "dataPlanes/a", "eu", None).await.unwrap();
        made.push(token.id);
    }
    made.sort();
    let first = fixture.service.list_data_plane_tokens(2, "").await.unwrap();
    let rest = fixture.service.list_data_plane_tokens(2, &first.next_page_token).await.unwrap();
    assert!(rest.next_page_token.is_empty());
    let seen: Vec<_> = first.resources.into_iter().chain(rest.resources).map(|token| token.id).collect();
    assert_eq!(seen, made);
}
