//! Which agent answers at this host and path.
