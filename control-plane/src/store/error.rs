//! How a store can fail.

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log no longer reaches back so far; a snapshot is needed.
    #[error("the change log begins after revision {floor}")]
    Compacted {
        /// The oldest revision from which changes can be read.
        floor: u64,
    },
    /// Something is not as the change set expects it. Nothing was written.
    #[error("{name} is not as expected")]
    Conflict {
        /// The resource, token or request.
        name: String,
    },
    /// Another process holds the write transaction.
    #[error("another process is writing")]
    Busy,
    /// The disk is full or cannot be written.
    #[error("the store cannot be written")]
    Unwritable(#[source] BoxError),
    /// The backend failed.
    #[error("{doing} failed")]
    Backend {
        /// What was being done.
        doing: &'static str,
        /// The backend's own error.
        source: BoxError,
    },
    /// What was read back cannot be what was written.
    #[error("stored data is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
}

/// An error of a backend.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
