//! The closed lists that metrics are broken down by.

/// Canonical operations, and what counts for those that are none of them.
pub(super) const OPERATIONS: [&str; 14] = [
    NO_OPERATION,
    UNKNOWN_OPERATION,
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
    "GetExtendedAgentCard",
    "GetAgentCard",
];

/// Refused before the operation was known, or no operation at all.
const NO_OPERATION: &str = "none";
/// Whatever method callers invent, it is one value.
const UNKNOWN_OPERATION: &str = "unknown";

/// Index of an operation in [`OPERATIONS`].
pub(super) fn operation_index(operation: &str) -> usize {
    if operation.is_empty() {
        return 0;
    }
    OPERATIONS.iter().position(|known| *known == operation).unwrap_or(1)
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them, in the order of their index.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Name in logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

kinds! {
    /// Why an agent could not be reached or understood.
    UpstreamErrorKind {
        /// Its name has no address.
        Resolve = "resolve",
        /// Its address may not be called.
        Forbidden = "forbidden",
        /// No connection.
        Connect = "connect",
        /// The TLS handshake failed.
        Tls = "tls",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection broke.
        Reset = "reset",
        /// The answer was not what the protocol allows.
        Invalid = "invalid",
        /// The answer was too large.
        TooLarge = "too_large",
    }
}

kinds! {
    /// Why a caller was refused.
    AuthRefusal {
        /// No credential.
        Missing = "missing",
        /// A credential that nobody knows.
        Unknown = "unknown",
        /// A credential past its time.
        Expired = "expired",
        /// A credential whose plan has not arrived yet.
        NotReady = "not_ready",
        /// A credential of a plan that does not open this agent.
        WrongPlan = "wrong_plan",
        /// An operation or skill that the plan does not permit.
        NotPermitted = "not_permitted",
    }
}

kinds! {
    /// What became of asking an agent for its card.
    CardFetch {
        /// It came.
        Fetched = "fetched",
        /// The one held still holds.
        Renewed = "renewed",
        /// There is none, or none that can be read.
        Failed = "failed",
    }
}
