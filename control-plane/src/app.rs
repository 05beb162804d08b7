//! Builds everything in dependency order and owns the order of shutdown.
