//! Listeners, TLS and the own CA.
