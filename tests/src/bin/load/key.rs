//! A key for the benchmark's caller.

use anyhow::{Context, Result};
use signalbox_proto::key::{Token, TokenKind};

/// Makes an API key and prints it with its SHA-256, which is what a manifest holds.
pub(crate) fn print() -> Result<()> {
    let key = Token::generate(TokenKind::ApiKey).context("cannot make a key")?;
    println!("{}", serde_json::json!({"key": key.expose(), "sha256": key.sha256().to_string()}));
    Ok(())
}
