//! Listeners: permits, TLS, protocol sniffing, one task a connection, one runtime a core.
