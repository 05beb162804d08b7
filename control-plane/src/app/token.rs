//! The first admin token.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use signalbox_proto::key;

use crate::net::files;
use crate::service::Service;

/// The first admin token, inside the data directory, for its owner alone.
pub const ADMIN_TOKEN_FILE: &str = "admin-token";

/// Makes the first admin token if there is none. It goes to a file, and to the terminal if there is one.
pub(super) async fn ensure(service: &Service, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(ADMIN_TOKEN_FILE);
    let keep = |token: &key::Token| files::write_private(&path, format!("{}\n", token.expose()).as_bytes());
    let made = service.first_admin_token(keep).await;
    let made =
        made.with_context(|| format!("cannot make the first admin token and keep it in {}", path.display()))?;
    let Some(token) = made else { return Ok(()) };
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
