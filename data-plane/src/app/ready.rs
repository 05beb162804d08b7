//! The ready file: where a data plane that chose its own ports can be found.

use std::io;
use std::path::Path;

use serde_json::json;

use super::Sockets;
use crate::net::listener::Listener;

/// Writes the bound addresses as JSON, whole or not at all.
pub(super) fn write(path: &Path, sockets: &Sockets) -> io::Result<()> {
    let address = |socket: &Listener| socket.local_address().to_string();
    let text = json!({
        "listen": sockets.public.iter().map(address).collect::<Vec<_>>(),
        "admin": address(&sockets.admin),
        "health": address(&sockets.health),
    });
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{text}\n"))?;
    std::fs::rename(unfinished, path)
}
