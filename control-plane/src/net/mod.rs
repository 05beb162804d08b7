//! Listeners, TLS and the own CA.

pub mod ca;
pub mod certificate;
pub mod connection;
pub mod files;
pub mod listener;

pub use self::ca::Ca;
pub use self::connection::Connection;
pub use self::listener::{Listener, TlsSettings};
