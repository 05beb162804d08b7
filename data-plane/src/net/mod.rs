//! Listeners: permits, TLS, protocol sniffing, one task a connection, one runtime a core.
//!
//! [`accept`](accept::accept) takes connections from a [`Listener`](listener::Listener) and hands each to the worker
//! with the fewest; [`Workers`](worker::Workers) are threads with a runtime of their own, so that nothing on the path of
//! a request is shared between cores.

pub mod accept;
mod activity;
mod closing;
mod connection;
pub mod dial;
mod head_timer;
pub mod listener;
mod sniff;
pub mod tls;
pub mod worker;

#[cfg(test)]
mod tests;
