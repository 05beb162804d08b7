//! The operations of A2A, whatever binding and version carried them.

#[cfg(test)]
mod tests;

/// A canonical operation, named as in A2A 1.0 §5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Send a message, answer once.
    SendMessage,
    /// Send a message, answer with an event stream.
    SendStreamingMessage,
    /// Read a task.
    GetTask,
    /// List tasks (1.0).
    ListTasks,
    /// Cancel a task.
    CancelTask,
    /// Attach an event stream to a task.
    SubscribeToTask,
    /// Set or create a webhook for a task.
    CreateTaskPushNotificationConfig,
    /// Read a webhook of a task.
    GetTaskPushNotificationConfig,
    /// List the webhooks of a task.
    ListTaskPushNotificationConfigs,
    /// Remove a webhook of a task.
    DeleteTaskPushNotificationConfig,
    /// Read the card that authenticated callers get.
    GetExtendedAgentCard,
    /// A method that no version of A2A defines; an extension may.
    Unknown,
}

/// Generations of method names. The names of 0.x and 1.0 are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// 0.1: `tasks/send`.
    V01,
    /// 0.2 and 0.3: `message/send`. Names that 0.1 shares count as this.
    V03,
    /// 1.0: `SendMessage`.
    V10,
}

impl Operation {
    /// All operations that A2A defines.
    pub const ALL: [Self; 11] = [
        Self::SendMessage,
        Self::SendStreamingMessage,
        Self::GetTask,
        Self::ListTasks,
        Self::CancelTask,
        Self::SubscribeToTask,
        Self::CreateTaskPushNotificationConfig,
        Self::GetTaskPushNotificationConfig,
        Self::ListTaskPushNotificationConfigs,
        Self::DeleteTaskPushNotificationConfig,
        Self::GetExtendedAgentCard,
    ];

    /// Reads a JSON-RPC method name of any version. Names are matched exactly, as SDKs do.
    pub fn from_json_rpc(method: &str) -> (Self, Option<Naming>) {
        use Naming::{V01, V03, V10};
        let (operation, naming) = match method {
            "SendMessage" => (Self::SendMessage, V10),
            "message/send" => (Self::SendMessage, V03),
            "tasks/send" => (Self::SendMessage, V01),
            "SendStreamingMessage" => (Self::SendStreamingMessage, V10),
            "message/stream" => (Self::SendStreamingMessage, V03),
            "tasks/sendSubscribe" => (Self::SendStreamingMessage, V01),
            "GetTask" => (Self::GetTask, V10),
            "tasks/get" => (Self::GetTask, V03),
            "ListTasks" => (Self::ListTasks, V10),
            "tasks/list" => (Self::ListTasks, V03),
            "CancelTask" => (Self::CancelTask, V10),
            "tasks/cancel" => (Self::CancelTask, V03),
            "SubscribeToTask" => (Self::SubscribeToTask, V10),
            "tasks/resubscribe" => (Self::SubscribeToTask, V03),
            "CreateTaskPushNotificationConfig" => (Self::CreateTaskPushNotificationConfig, V10),
            "tasks/pushNotificationConfig/set" => (Self::CreateTaskPushNotificationConfig, V03),
            "tasks/pushNotification/set" => (Self::CreateTaskPushNotificationConfig, V01),
            "GetTaskPushNotificationConfig" => (Self::GetTaskPushNotificationConfig, V10),
            "tasks/pushNotificationConfig/get" => (Self::GetTaskPushNotificationConfig, V03),
            "tasks/pushNotification/get" => (Self::GetTaskPushNotificationConfig, V01),
            "ListTaskPushNotificationConfigs" => (Self::ListTaskPushNotificationConfigs, V10),
            "tasks/pushNotificationConfig/list" => (Self::ListTaskPushNotificationConfigs, V03),
            "DeleteTaskPushNotificationConfig" => (Self::DeleteTaskPushNotificationConfig, V10),
            "tasks/pushNotificationConfig/delete" => (Self::DeleteTaskPushNotificationConfig, V03),
            "GetExtendedAgentCard" => (Self::GetExtendedAgentCard, V10),
            "agent/getAuthenticatedExtendedCard" => (Self::GetExtendedAgentCard, V03),
            _ => return (Self::Unknown, None),
        };
        (operation, Some(naming))
    }

    /// The canonical name, as in logs, metrics and permits; `unknown` for anything else, to bound cardinality.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendMessage => "SendMessage",
            Self::SendStreamingMessage => "SendStreamingMessage",
            Self::GetTask => "GetTask",
            Self::ListTasks => "ListTasks",
            Self::CancelTask => "CancelTask",
            Self::SubscribeToTask => "SubscribeToTask",
            Self::CreateTaskPushNotificationConfig => "CreateTaskPushNotificationConfig",
            Self::GetTaskPushNotificationConfig => "GetTaskPushNotificationConfig",
            Self::ListTaskPushNotificationConfigs => "ListTaskPushNotificationConfigs",
            Self::DeleteTaskPushNotificationConfig => "DeleteTaskPushNotificationConfig",
            Self::GetExtendedAgentCard => "GetExtendedAgentCard",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a successful answer is an event stream.
    pub const fn is_streaming(self) -> bool {
        matches!(self, Self::SendStreamingMessage | Self::SubscribeToTask)
    }

    /// Whether it hands a message to the agent.
    pub const fn is_send(self) -> bool {
        matches!(self, Self::SendMessage | Self::SendStreamingMessage)
    }

    /// Whether the gateway may send it a second time although the agent may have seen it: reads, and CancelTask,
    /// which is idempotent (A2A 1.0 §3.3.1). An attached stream is not repeated: it could show events twice.
    pub const fn is_safe_to_repeat(self) -> bool {
        match self {
            Self::GetTask
            | Self::ListTasks
            | Self::CancelTask
            | Self::GetTaskPushNotificationConfig
            | Self::ListTaskPushNotificationConfigs
            | Self::GetExtendedAgentCard => true,
            Self::SendMessage
            | Self::SendStreamingMessage
            | Self::SubscribeToTask
            | Self::CreateTaskPushNotificationConfig
            | Self::DeleteTaskPushNotificationConfig
            | Self::Unknown => false,
        }
    }

    /// Whether it manages webhooks.
    pub const fn is_push(self) -> bool {
        matches!(
            self,
            Self::CreateTaskPushNotificationConfig
                | Self::GetTaskPushNotificationConfig
                | Self::ListTaskPushNotificationConfigs
                | Self::DeleteTaskPushNotificationConfig
        )
    }
}
