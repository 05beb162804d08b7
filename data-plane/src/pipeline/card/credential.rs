//! The credential with which a card is fetched: a file of this data plane, so that the control plane never has it.

use std::path::Path;

use http::HeaderValue;
use signalbox_proto::model::agent::FetchCredential;
use tokio::io::AsyncReadExt as _;

use crate::error::{Code, GatewayError};

/// Longest secret, in bytes.
const MAX_SECRET_BYTES: u64 = 8 * 1024;

/// The value of the header that carries the credential. The file is read every time, so that a new secret counts from
/// the next fetch on.
///
/// # Errors
/// `CardUnavailable`, with the file's name and what is wrong with it, never its content.
pub(super) async fn header_value(
    secrets: Option<&Path>,
    credential: &FetchCredential,
) -> Result<HeaderValue, GatewayError> {
    let name = &*credential.secret;
    let Some(secrets) = secrets else {
        return Err(unavailable(format!("the secret {name} is wanted, and there is no --secrets-dir")));
    };
    let mut secret = Vec::new();
    let read = async {
        let file = tokio::fs::File::open(secrets.join(name)).await?;
        file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut secret).await
    };
    read.await.map_err(|error| unavailable(format!("the secret {name} cannot be read: {error}")))?;
    let secret = secret.trim_ascii();
    if secret.is_empty() {
        return Err(unavailable(format!("the secret {name} is empty")));
    }
    if secret.len() as u64 > MAX_SECRET_BYTES {
        return Err(unavailable(format!("the secret {name} is larger than {MAX_SECRET_BYTES} bytes")));
    }
    let mut value = Vec::with_capacity(credential.scheme.len() + 1 + secret.len());
    if !credential.scheme.is_empty() {
        value.extend_from_slice(credential.scheme.as_bytes());
        value.push(b' ');
    }
    value.extend_from_slice(secret);
    let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(value)).map_err(|_| {
        unavailable(format!("the secret {name} is no header value: it has control characters"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn unavailable(internal: String) -> GatewayError {
    GatewayError::new(Code::CardUnavailable).internal(internal)
}

#[cfg(test)]
mod tests;
