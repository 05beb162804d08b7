//! Tasks and contexts of other consumers over gRPC.

use super::*;
use crate::ownership::{Kind, Standing};

const OLD_GET: &str = "/a2a.v1.A2AService/GetTask";
const OLD_CREATE: &str = "/a2a.v1.A2AService/CreateTaskPushNotificationConfig";

#[tokio::test]
async fn what_is_anothers_does_not_exist_over_grpc_either() {
    let agent = GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data(framed(&task("t", "c"))),
        Script::Trailers(ok()),
    ])
    .await;
    let (gateway, mut caller) = with(&agent, "  taskOwnership: TASK_OWNERSHIP_KNOWN\n").await;
    let owners = &gateway.gateway.owners;
    let name = "organizations/default/agents/echo";
    let theirs = owners.claimant(name, "other");
    theirs.learn(Kind::Task, "theirs");
    theirs.learn(Kind::Context, "their-context");
    let send = |message: &[u8]| framed(&field(2, message));
    let old_create = [field(1, b"tasks/t"), field(3, &field(1, b"tasks/theirs/pushNotificationConfigs/c"))];
    for (path, body, status, reason) in [
        (GET_TASK, get_task("theirs"), "5", "TASK_NOT_FOUND"),
        (OLD_GET, framed(&field(1, b"tasks/theirs")), "5", "TASK_NOT_FOUND"),
        (OLD_GET, framed(&field(1, b"theirs")), "3", "INVALID_PARAMS"),
        (OLD_CREATE, framed(&old_create.concat()), "3", "INVALID_PARAMS"),
        (SEND, send(&field(3, b"theirs")), "5", "TASK_NOT_FOUND"),
        (SEND, send(&field(2, b"their-context")), "5", "TASK_NOT_FOUND"),
        (STREAM, send(&field(8, b"theirs")), "5", "TASK_NOT_FOUND"),
        ("/lf.a2a.v1.A2AService/ListTasks", framed(&field(2, b"c")), "9", "UNSUPPORTED_OPERATION"),
        ("/lf.a2a.v1.A2AService/Unheard", framed(&[]), "9", "UNSUPPORTED_OPERATION"),
    ] {
        let heard = caller.call(path, HeaderMap::new(), &body).await;
        let got = (heard.headers["grpc-status"].to_str().unwrap(), &*heard.reason());
        assert_eq!(got, (status, reason), "{path}");
    }
    let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
    assert_eq!(heard.trailers, Some(ok()));
    let own = owners.claimant(name, "");
    assert_eq!([own.standing(Kind::Task, "t"), own.standing(Kind::Context, "c")], [Standing::Own; 2]);
}
