//! Committed state: resources, revisions, the change log, audit and idempotency.
