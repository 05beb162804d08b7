//! A change on its way to the audit log of telemetry and to the counters. The store keeps an audit log of its own.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use tonic::Status;

use super::observe::code_name;
use super::status::status;
use crate::error::{Code, Error};
use crate::service::Call;
use crate::store::Commit;
use crate::telemetry::{AuditRecord, CommitResult, Telemetry};

/// A change that was asked for.
pub struct Record {
    telemetry: Arc<Telemetry>,
    call: Call,
    time: SystemTime,
    start: Instant,
}

impl Record {
    /// Begins with the call.
    pub fn begin(telemetry: &Arc<Telemetry>, call: &Call, time: SystemTime) -> Self {
        Self { telemetry: Arc::clone(telemetry), call: call.clone(), time, start: Instant::now() }
    }

    /// Ends with what came of it; `about` tells the names and the commit of a success.
    ///
    /// # Errors
    ///
    /// The failure as the caller gets it.
    pub fn end<T>(
        self,
        asked: &str,
        result: Result<T, Error>,
        about: impl FnOnce(&T) -> (Vec<String>, Option<Commit>),
    ) -> Result<T, Status> {
        let (names, commit, answer) = match result {
            Ok(done) => {
                let (names, commit) = about(&done);
                (names, commit, Ok(done))
            }
            Err(error) => {
                let name = error.resource().unwrap_or(asked).to_owned();
                self.telemetry.metrics.commit(result_of(&error), self.start.elapsed());
                let names = if name.is_empty() { Vec::new() } else { vec![name] };
                (names, None, Err(status(&error)))
            }
        };
        if commit.is_some() {
            self.telemetry.metrics.commit(CommitResult::Committed, self.start.elapsed());
        }
        let code = answer.as_ref().err().map_or("OK", |status| code_name(status.code()));
        // A change that was only checked, or changed nothing, is no event.
        if commit.is_some() || answer.is_err() {
            self.telemetry.audit(&AuditRecord {
                time: self.time,
                actor: &self.call.actor,
                method: self.call.method,
                request_id: &self.call.request_id,
                resources: &names,
                config_revision: commit.and_then(|commit| commit.config_revision),
                credentials_revision: commit.and_then(|commit| commit.credentials_revision),
                code,
                traceparent: self.call.traceparent.as_deref(),
            });
        }
        let span = tracing::Span::current();
        span.record("signalbox.actor", self.call.actor.as_str());
        if let Some(commit) = commit {
            span.record("signalbox.revision.config", commit.config_revision);
            span.record("signalbox.revision.credentials", commit.credentials_revision);
        }
        answer
    }
}

fn result_of(error: &Error) -> CommitResult {
    match error.facts().code {
        Code::Aborted | Code::AlreadyExists => CommitResult::Conflict,
        Code::Internal | Code::Unavailable => CommitResult::Failed,
        _ => CommitResult::Invalid,
    }
}
