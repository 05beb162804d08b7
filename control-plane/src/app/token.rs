//! The first admin token.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;

use crate::net::files;
use crate::service::Service;

/// The first admin token, inside the data directory, for its owner alone.
pub const ADMIN_TOKEN_FILE: &str = "admin-token";

/// Makes the first admin token if there is none. It goes to a file, and to the terminal if there is one.
pub(super) async fn ensure(service: &Service, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(ADMIN_TOKEN_FILE);
    // Before a token exists that nobody could read.
    files::write_private(&directory.join(format!("{ADMIN_TOKEN_FILE}.check")), b"")
        .and_then(|()| std::fs::remove_file(directory.join(format!("{ADMIN_TOKEN_FILE}.check"))))
        .with_context(|| format!("cannot write to the data directory {}", directory.display()))?;
    let Some(token) = service.first_admin_token().await.context("cannot make the first admin token")? else {
        return Ok(());
    };
    files::write_private(&path, format!("{}\n", token.expose()).as_bytes())
        .with_context(|| format!("cannot write the first admin token to {}", path.display()))?;
    tracing::info!(file = %path.display(), "the first admin token was made");
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        use std::io::Write as _;
        // Nothing depends on whether anybody reads it there.
        let _ = writeln!(
            terminal,
            "\nAdmin token, shown this once (also in {}):\n{}\n",
            path.display(),
            token.expose()
        );
    }
    Ok(())
}
