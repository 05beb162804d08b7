//! API keys and the tokens of administrators and data planes: making them, and telling whose a token is.

use std::time::{Duration, SystemTime};

use signalbox_proto::key;
use signalbox_proto::wire::config::v1 as wire;

use super::Service;
use super::body::Body;
use super::call::Call;
use super::edit::{Changed, Edit};
use super::page::{page_size, read_token, write_token};
use super::read::Page;
use super::run::changed;
use crate::error::Error;
use crate::store::{Audit, StoreError, Token, TokenKind};

/// What page tokens of token lists are bound to.
const TOKEN_LIST: &str = "dataPlaneTokens";

impl Service {
    /// Creates an API key under a subscription. Unless it brings its hash, a key is made and answered, this once; `id`
    /// may then be empty and is taken from the key.
    ///
    /// # Errors
    ///
    /// As [`Service::create`].
    pub async fn create_api_key(
        &self,
        call: Call,
        parent: &str,
        id: &str,
        mut api_key: wire::ApiKey,
    ) -> Result<(Changed<wire::ApiKey>, Option<key::Token>), Error> {
        let mut id = id.to_owned();
        api_key.key_prefix = String::new();
        let mut made = None;
        if api_key.key_sha256.is_empty() {
            let token = generate(key::TokenKind::ApiKey)?;
            api_key.key_sha256 = token.sha256().to_string();
            api_key.key_prefix = token.loggable().to_owned();
            if id.is_empty() {
                token.id().clone_into(&mut id);
            }
            made = Some(token);
        }
        let edit = Edit::Create { parent: parent.to_owned(), id, body: Body::ApiKey(api_key) };
        let changed: Changed<wire::ApiKey> = changed(self.run(call, edit).await?)?;
        // A repeated request, or one that is only checked, has no key to show.
        let shown = made.filter(|_| !changed.replayed && changed.commit.is_some());
        Ok((changed, shown))
    }

    /// Makes a token for a data plane that names this region. It does not expire without a `lifetime`.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub async fn create_data_plane_token(
        &self,
        call: Call,
        data_plane: &str,
        region: &str,
        lifetime: Option<Duration>,
    ) -> Result<(Token, key::Token), Error> {
        let secret = generate(key::TokenKind::DataPlane)?;
        let now = self.clock().now();
        let token = Token {
            kind: TokenKind::DataPlane,
            id: secret.id().to_owned(),
            sha256: secret.sha256().0,
            data_plane: data_plane.to_owned(),
            region: region.to_owned(),
            create_time: now,
            expire_time: lifetime.map(|lifetime| now + lifetime),
            revoke_time: None,
        };
        let resource = format!("dataPlaneTokens/{}", token.id);
        let audit = audit(&call, now, resource);
        self.store().put_token(token.clone(), audit).await.map_err(Error::store("add a token"))?;
        Ok((token, secret))
    }

    /// Tokens of data planes, in the order of their ids.
    ///
    /// # Errors
    ///
    /// `Invalid` if the size is negative or the page token is not of this list.
    pub async fn list_data_plane_tokens(&self, size: i32, page_token: &str) -> Result<Page<Token>, Error> {
        let size = page_size(size).map_err(Error::Invalid)?;
        let after = (!page_token.is_empty())
            .then(|| read_token(TOKEN_LIST, page_token))
            .transpose()
            .map_err(Error::Invalid)?;
        let found = self.store().tokens(TokenKind::DataPlane, after, size + 1).await;
        let mut resources = found.map_err(Error::store("list tokens"))?;
        let more = resources.len() > size;
        resources.truncate(size);
        let last = resources.last().filter(|_| more);
        let next_page_token = last.map(|last| write_token(TOKEN_LIST, &last.id)).unwrap_or_default();
        Ok(Page { resources, next_page_token })
    }

    /// Ends a token of a data plane: `dataPlaneTokens/{id}`. One that is revoked already stays as it is.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub async fn revoke_data_plane_token(&self, call: Call, name: &str) -> Result<Token, Error> {
        let missing = || Error::NotFound { resource: name.to_owned() };
        let id = name.strip_prefix("dataPlaneTokens/").ok_or_else(missing)?;
        let audit = audit(&call, self.clock().now(), name.to_owned());
        let revoked = self.store().revoke_token(TokenKind::DataPlane, id.to_owned(), audit).await;
        revoked.map_err(Error::store("revoke a token"))?.ok_or_else(missing)
    }

    /// The good token that `text` is.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` if it is none, has expired or was revoked.
    pub async fn authenticate(&self, kind: TokenKind, text: &str) -> Result<Token, Error> {
        const REFUSED: Error = Error::Unauthenticated("the token is wrong, has expired or was revoked");
        let family = match kind {
            TokenKind::Admin => key::TokenKind::Admin,
            TokenKind::DataPlane => key::TokenKind::DataPlane,
        };
        key::id(family, text).ok_or(REFUSED)?;
        let found = self.store().token_by_hash(kind, key::sha256(text).0).await;
        let token = found.map_err(Error::store("look up a token"))?.ok_or(REFUSED)?;
        let now = self.clock().now();
        let good = token.revoke_time.is_none() && token.expire_time.is_none_or(|end| end > now);
        if good { Ok(token) } else { Err(REFUSED) }
    }

    /// Makes the first admin token, unless there is any already. `keep` puts it where its owner finds it, before it is
    /// good for anything: a token that nobody has would lock everybody out.
    ///
    /// # Errors
    ///
    /// If the store cannot be written, or `keep` fails.
    pub async fn first_admin_token(
        &self,
        keep: impl FnOnce(&key::Token) -> std::io::Result<()>,
    ) -> Result<Option<key::Token>, Error> {
        let doing = "make the first admin token";
        if !self.store().tokens(TokenKind::Admin, None, 1).await.map_err(Error::store(doing))?.is_empty() {
            return Ok(None);
        }
        let secret = generate(key::TokenKind::Admin)?;
        keep(&secret).map_err(|error| Error::Internal { doing, source: Box::new(error) })?;
        let now = self.clock().now();
        let token = Token {
            kind: TokenKind::Admin,
            id: secret.id().to_owned(),
            sha256: secret.sha256().0,
            data_plane: String::new(),
            region: String::new(),
            create_time: now,
            expire_time: None,
            revoke_time: None,
        };
        let audit = Audit {
            time: now,
            actor: "control plane".to_owned(),
            method: "first start".to_owned(),
            request_id: String::new(),
            resources: vec![format!("adminTokens/{}", token.id)],
        };
        match self.store().put_token(token, audit).await {
            Ok(()) => Ok(Some(secret)),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(Error::store(doing)(error)),
        }
    }
}

fn generate(kind: key::TokenKind) -> Result<key::Token, Error> {
    key::Token::generate(kind)
        .map_err(|error| Error::Internal { doing: "make a token", source: Box::new(error) })
}

fn audit(call: &Call, time: SystemTime, resource: String) -> Audit {
    Audit {
        time,
        actor: call.actor.clone(),
        method: call.method.to_owned(),
        request_id: call.request_id.clone(),
        resources: vec![resource],
    }
}
