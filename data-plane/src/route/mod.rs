//! Which agent answers at this host and path.
//!
//! The path counts as it was sent: percent-escapes are not decoded, and paths with empty segments, dot segments or
//! encoded slashes lead nowhere, so that no two parties can read one address differently. A host that belongs to an
//! agent decides alone; otherwise the longest registered prefix of whole segments wins. A trailing slash is the same
//! address. The cost is one hash for each registered depth at most, whatever the number of agents.

mod address;
mod path;
mod table;
#[cfg(test)]
mod tests;

pub use address::{Address, Form, addresses, host_name, public_path};
pub use path::Rest;
pub use table::{Match, Table};
