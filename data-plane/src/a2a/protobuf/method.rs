//! The methods of the two gRPC services of A2A.

use crate::a2a::operation::{Naming, Operation};

#[cfg(test)]
mod tests;

/// A protobuf package of A2A: it says which generation of messages a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Package {
    /// `a2a.v1`: 0.2 and 0.3, and the candidates of 1.0.
    V0,
    /// `lf.a2a.v1`: 1.0.
    V1,
}

impl Package {
    /// The generation of its method names.
    pub const fn naming(self) -> Naming {
        match self {
            Self::V0 => Naming::V03,
            Self::V1 => Naming::V10,
        }
    }
}

/// A method of one of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method<'a> {
    /// The package of the service.
    pub package: Package,
    /// The canonical operation.
    pub operation: Operation,
    /// The name as sent. Not bounded in cardinality.
    pub name: &'a str,
}

impl<'a> Method<'a> {
    /// Reads the path of a gRPC request, raw: `/lf.a2a.v1.A2AService/GetTask`. `None`: it is no path of A2A.
    pub fn of_path(path: &'a str) -> Option<Self> {
        let (package, name) = match path.strip_prefix("/lf.a2a.v1.A2AService/") {
            Some(name) => (Package::V1, name),
            None => (Package::V0, path.strip_prefix("/a2a.v1.A2AService/")?),
        };
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let operation = match package {
            Package::V0 => operation_of_0_x(name),
            Package::V1 => operation_of_1_0(name),
        };
        is_name.then_some(Self { package, operation, name })
    }
}

/// Names of 1.0.
fn operation_of_1_0(name: &str) -> Operation {
    match name {
        "SendMessage" => Operation::SendMessage,
        "SendStreamingMessage" => Operation::SendStreamingMessage,
        "GetTask" => Operation::GetTask,
        "ListTasks" => Operation::ListTasks,
        "CancelTask" => Operation::CancelTask,
        "SubscribeToTask" => Operation::SubscribeToTask,
        "CreateTaskPushNotificationConfig" => Operation::CreateTaskPushNotificationConfig,
        "GetTaskPushNotificationConfig" => Operation::GetTaskPushNotificationConfig,
        "ListTaskPushNotificationConfigs" => Operation::ListTaskPushNotificationConfigs,
        "DeleteTaskPushNotificationConfig" => Operation::DeleteTaskPushNotificationConfig,
        "GetExtendedAgentCard" => Operation::GetExtendedAgentCard,
        _ => Operation::Unknown,
    }
}

/// Names of 0.3, of 0.2.2 (`…Notification`), and of the candidates of 1.0 in the old package.
fn operation_of_0_x(name: &str) -> Operation {
    match name {
        "TaskSubscription" => Operation::SubscribeToTask,
        "SetTaskPushNotificationConfig" | "CreateTaskPushNotification" | "SetTaskPushNotification" => {
            Operation::CreateTaskPushNotificationConfig
        }
        "GetTaskPushNotification" => Operation::GetTaskPushNotificationConfig,
        "ListTaskPushNotificationConfig" | "ListTaskPushNotification" | "ListTaskPushNotifications" => {
            Operation::ListTaskPushNotificationConfigs
        }
        "DeleteTaskPushNotification" => Operation::DeleteTaskPushNotificationConfig,
        "GetAgentCard" => Operation::GetExtendedAgentCard,
        name => operation_of_1_0(name),
    }
}
