use super::{Method, Package};
use crate::a2a::Operation;

#[test]
fn canonical_names_are_the_names_of_1_0() {
    for operation in Operation::ALL {
        let path = format!("/lf.a2a.v1.A2AService/{}", operation.name());
        let expected = Method { package: Package::V1, operation, name: operation.name() };
        assert_eq!(Method::of_path(&path), Some(expected));
    }
}

#[test]
fn names_of_older_versions_mean_the_same_operations() {
    use Operation as O;
    for (name, operation) in [
        ("SendMessage", O::SendMessage),
        ("SendStreamingMessage", O::SendStreamingMessage),
        ("GetTask", O::GetTask),
        ("CancelTask", O::CancelTask),
        ("TaskSubscription", O::SubscribeToTask),
        ("SubscribeToTask", O::SubscribeToTask),
        ("ListTasks", O::ListTasks),
        ("CreateTaskPushNotificationConfig", O::CreateTaskPushNotificationConfig),
        ("SetTaskPushNotificationConfig", O::CreateTaskPushNotificationConfig),
        ("CreateTaskPushNotification", O::CreateTaskPushNotificationConfig),
        ("GetTaskPushNotificationConfig", O::GetTaskPushNotificationConfig),
        ("GetTaskPushNotification", O::GetTaskPushNotificationConfig),
        ("ListTaskPushNotificationConfig", O::ListTaskPushNotificationConfigs),
        ("ListTaskPushNotification", O::ListTaskPushNotificationConfigs),
        ("DeleteTaskPushNotificationConfig", O::DeleteTaskPushNotificationConfig),
        ("GetAgentCard", O::GetExtendedAgentCard),
    ] {
        let path = format!("/a2a.v1.A2AService/{name}");
        let method = Method::of_path(&path).unwrap();
        assert_eq!((method.package, method.operation, method.name), (Package::V0, operation, name));
    }
}

#[test]
fn unknown_methods_are_unknown_and_other_services_are_nothing() {
    for path in ["/lf.a2a.v1.A2AService/TaskSubscription", "/a2a.v1.A2AService/getTask"] {
        assert_eq!(Method::of_path(path).unwrap().operation, Operation::Unknown);
    }
    for path in [
        "",
        "/",
        "/lf.a2a.v1.A2AService/",
        "/lf.a2a.v1.A2AService",
        "/lf.a2a.v1.A2AService/GetTask/",
        "/lf.a2a.v1.A2AService/GetTask?x=1",
        "/lf.a2a.v1.A2AService/Get%54ask",
        "//lf.a2a.v1.A2AService/GetTask",
        "/a2a.v2.A2AService/GetTask",
        "/grpc.health.v1.Health/Check",
    ] {
        assert_eq!(Method::of_path(path), None, "{path}");
    }
}
