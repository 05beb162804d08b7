//! Why a discovery stream ended.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a discovery stream ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The token cannot be read.
    #[error("cannot read the token from {}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token is not text that a header can carry.
    #[error("{} does not hold a token", path.display())]
    NotAToken {
        /// The file.
        path: PathBuf,
    },
    /// No connection.
    #[error("cannot connect")]
    Connect(#[source] tonic::transport::Error),
    /// The control plane refuses, or the connection broke.
    #[error("{code:?}: {message}")]
    Status {
        /// gRPC status.
        code: tonic::Code,
        /// What the control plane says.
        message: String,
    },
    /// The control plane ended the stream in good order.
    #[error("the control plane closed the stream")]
    Closed,
    /// Nothing came for too long.
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    /// Something came that the protocol does not allow.
    #[error("the control plane sent {0}")]
    Protocol(&'static str),
    /// The keys held were made with another pepper: all of them have to come anew.
    #[error("the pepper of keys has changed")]
    PepperChanged,
}

impl From<tonic::Status> for StreamError {
    fn from(status: tonic::Status) -> Self {
        Self::Status { code: status.code(), message: status.message().to_owned() }
    }
}
