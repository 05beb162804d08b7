//! Orderly shutdown.
