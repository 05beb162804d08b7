//! What the agent's side says, noted for the account; whatever binding carried it.

use super::{Exchange, note};
use crate::a2a::response::Outcome as Said;
use crate::stream::open::EndReason;
use crate::stream::relay::{StreamOutcome, StreamSummary};
use crate::telemetry::{Outcome, Termination};

impl Exchange {
    /// A unary answer. What it does not name stays what the call named.
    pub(in crate::pipeline) fn answered(&mut self, said: &Said<'_>) {
        self.rpc_error = said.error_code;
        self.task = said.task_id.as_deref().map(note).or(self.task.take());
        self.context = said.context_id.as_deref().map(note).or(self.context.take());
        self.task_state = said.state;
    }

    /// An event of a stream. Most name what the ones before them did.
    pub(in crate::pipeline) fn event_said(&mut self, said: &Said<'_>) {
        if let Some(code) = said.error_code {
            self.rpc_error = Some(code);
            self.outcome = Outcome::AgentError;
        }
        self.learn(said.task_id.as_deref(), said.context_id.as_deref());
        if let Some(task) = said.task_id.as_deref().filter(|task| self.task.as_deref() != Some(*task)) {
            self.task = Some(note(task));
        }
        if let Some(context) = said.context_id.as_deref().filter(|id| self.context.as_deref() != Some(*id)) {
            self.context = Some(note(context));
        }
        self.task_state = said.state.or(self.task_state);
    }

    /// The end of a relayed answer.
    pub(in crate::pipeline) fn relayed(&mut self, summary: &StreamSummary) {
        self.response_bytes = summary.bytes;
        match summary.outcome {
            StreamOutcome::Finished => self.termination = Termination::Complete,
            StreamOutcome::Ended(reason) | StreamOutcome::Cut(reason) => {
                self.termination = termination_of(reason);
                self.outcome = match reason {
                    EndReason::UpstreamLost | EndReason::UpstreamIdle => Outcome::UpstreamError,
                    _ => Outcome::StreamEnded,
                };
            }
            StreamOutcome::CallerLeft => self.outcome = Outcome::ClientGone,
        }
    }
}

/// What the log says of an end.
fn termination_of(reason: EndReason) -> Termination {
    match reason {
        EndReason::Revoked => Termination::Revoked,
        EndReason::Expired => Termination::Expired,
        EndReason::PlanClosed => Termination::PlanClosed,
        EndReason::AgentStopped => Termination::AgentStopped,
        EndReason::Draining => Termination::Drained,
        EndReason::MaxDuration | EndReason::Deadline => Termination::Deadline,
        EndReason::UpstreamIdle => Termination::Idle,
        EndReason::UpstreamLost => Termination::UpstreamLost,
    }
}
