//! Use cases: each one transaction, no transport types.
