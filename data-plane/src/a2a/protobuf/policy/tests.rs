//! The messages in hex were written by the official Python SDK: `SerializeToString()` of the classes in
//! `a2a.types.a2a_pb2` (a2a-sdk 1.3.0) and `a2a.grpc.a2a_pb2` (0.3.26).

use super::webhooks;
use crate::a2a::protobuf::Method;
use crate::error::Code;

const HOOK: &str = "https://hook.example/x";

fn urls(path: &str, message: &[u8]) -> Result<Vec<String>, Code> {
    let found = webhooks(Method::of_path(path).unwrap(), message).map_err(|error| error.code())?;
    Ok(found.into_iter().map(|url| url.into_owned()).collect())
}

fn of_hex(path: &str, message: &str) -> Result<Vec<String>, Code> {
    urls(path, &hex::decode(message).unwrap())
}

#[test]
fn finds_webhooks_in_every_place_of_both_packages() {
    for (path, message) in [
        (
            "/lf.a2a.v1.A2AService/SendMessage",
            "0a0174121a0a016d12056374782d311a067461736b2d3120012a040a0268691a270a0474657874121b221668747470733a2f2f686f6f6b2e6578616d706c652f782a017318032001",
        ),
        (
            "/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig",
            "1201631a067461736b2d31221668747470733a2f2f686f6f6b2e6578616d706c652f78",
        ),
        (
            "/a2a.v1.A2AService/SendStreamingMessage",
            "0a1a0a016d12056374782d311a067461736b2d3120012a040a02686912270a0474657874121b0a0163121668747470733a2f2f686f6f6b2e6578616d706c652f7818032001",
        ),
        (
            "/a2a.v1.A2AService/CreateTaskPushNotificationConfig",
            "0a0c7461736b732f7461736b2d311201631a420a267461736b732f7461736b2d312f707573684e6f74696669636174696f6e436f6e666967732f631218121668747470733a2f2f686f6f6b2e6578616d706c652f78",
        ),
    ] {
        assert_eq!(of_hex(path, message), Ok(vec![HOOK.to_owned()]), "{path}");
    }
}

#[test]
fn a_configuration_without_url_has_none() {
    assert_eq!(urls("/lf.a2a.v1.A2AService/SendMessage", &[0x1a, 2, 0x12, 0]), Ok(Vec::new()));
    assert_eq!(urls("/a2a.v1.A2AService/SendMessage", &[0x12, 4, 0x12, 2, 0x12, 0]), Ok(Vec::new()));
    for package in ["lf.a2a.v1", "a2a.v1"] {
        let create = format!("/{package}.A2AService/CreateTaskPushNotificationConfig");
        assert_eq!(urls(&create, &[]), Ok(Vec::new()));
    }
}

#[test]
fn other_requests_hold_none() {
    for (path, message) in [
        ("/lf.a2a.v1.A2AService/SendMessage", &[][..]),
        ("/lf.a2a.v1.A2AService/SendMessage", &[0x1a, 0]),
        ("/lf.a2a.v1.A2AService/GetTask", &[0x22, 1, b'x']),
        ("/lf.a2a.v1.A2AService/GetTaskPushNotificationConfig", &[]),
    ] {
        assert_eq!(urls(path, message), Ok(Vec::new()), "{path}");
    }
}

#[test]
fn refuses_a_url_that_parsers_could_read_differently() {
    let create = "/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig";
    assert_eq!(urls(create, &[0x22, 1, b'a', 0x22, 1, b'b']), Err(Code::DuplicateKey));
    assert_eq!(urls(create, &[0x20, 1]), Err(Code::InvalidRequest));
    assert_eq!(urls(create, &[0x22, 1, 0xff]), Err(Code::InvalidRequest));
    let create = "/a2a.v1.A2AService/CreateTaskPushNotificationConfig";
    assert_eq!(urls(create, &[0x1a, 0, 0x1a, 0]), Err(Code::DuplicateKey));
    assert_eq!(urls(create, &[0x1a, 4, 0x12, 0, 0x12, 0]), Err(Code::DuplicateKey));
    let send = "/lf.a2a.v1.A2AService/SendMessage";
    assert_eq!(urls(send, &[0x1a, 0, 0x1a, 0]), Err(Code::DuplicateKey));
}

#[test]
fn unknown_methods_cannot_be_inspected() {
    assert_eq!(urls("/lf.a2a.v1.A2AService/Custom", &[]), Err(Code::UnsupportedOperation));
}

mod selected {
    use signalbox_proto::model::pointer::{JsonPointer, SkillSelector};
    use signalbox_proto::model::violation::FieldPath;

    use super::super::skills;
    use crate::a2a::protobuf::Method;
    use crate::error::Code;

    const V1: &str = "/lf.a2a.v1.A2AService/SendMessage";
    const V0: &str = "/a2a.v1.A2AService/SendStreamingMessage";

    fn pointers(texts: &[&str]) -> Vec<JsonPointer> {
        texts.iter().map(|text| JsonPointer::parse(text, &FieldPath::root()).unwrap()).collect()
    }

    fn named(path: &str, hex: &str, metadata: &[&str], data: &[&str]) -> Result<Vec<String>, Code> {
        let selector = SkillSelector { message_metadata: pointers(metadata), data_parts: pointers(data) };
        let request = hex::decode(hex).unwrap();
        let found =
            skills(Method::of_path(path).unwrap(), &request, &selector).map_err(|error| error.code())?;
        Ok(found.into_iter().map(|skill| skill.into_owned()).collect())
    }

    #[test]
    fn in_metadata() {
        for (path, request) in [(V1, METADATA_1_0), (V0, METADATA_0_3)] {
            let named = |pointer| named(path, request, &[pointer], &[]);
            assert_eq!(named("/skill"), Ok(vec!["echo".to_owned()]));
            assert_eq!(named("/a/b"), Ok(vec!["inner".to_owned()]));
            assert_eq!(named("/many"), Ok(vec!["one".to_owned(), "two".to_owned()]));
            assert_eq!(named("/many/1"), Ok(vec!["two".to_owned()]));
            for nowhere in ["/none", "/null", "/skill/x", "/many/2", "/many/01", "/many/+1", "/a/c", "/"] {
                assert_eq!(named(nowhere), Ok(Vec::new()), "{nowhere}");
            }
            for no_text in ["/number", "/flag", "/a", "/mixed"] {
                assert_eq!(named(no_text), Err(Code::UnsupportedOperation), "{no_text}");
            }
        }
    }

    #[test]
    fn a_pointer_may_end_where_another_goes_on() {
        let named = |pointers: &[&str]| named(V1, METADATA_1_0, pointers, &[]);
        assert_eq!(named(&["/a", "/a/b"]), Ok(vec!["inner".to_owned()]));
        assert_eq!(named(&["/many", "/many/0"]), Ok(vec!["two".to_owned(), "one".to_owned()]));
        assert_eq!(named(&["/a", "/ab"]), Err(Code::UnsupportedOperation));
    }

    #[test]
    fn in_data_parts() {
        for (path, request) in [(V1, DATA_1_0), (V0, DATA_0_3)] {
            let found = named(path, request, &["/skill"], &["/skill", "/other"]);
            assert_eq!(found, Ok(vec!["one".to_owned(), "two".to_owned()]));
        }
    }

    #[test]
    fn other_operations_name_none() {
        assert_eq!(named("/lf.a2a.v1.A2AService/GetTask", METADATA_1_0, &["/skill"], &[]), Ok(Vec::new()));
        let unknown = named("/lf.a2a.v1.A2AService/Custom", "", &["/skill"], &[]);
        assert_eq!(unknown, Err(Code::UnsupportedOperation));
    }

    #[test]
    fn what_parsers_could_read_differently_is_refused() {
        // Message.metadata twice; a name twice in a Struct; two kinds in a Value; two contents in a Part.
        let metadata = |message: &str| {
            let request = format!("12{:02x}{message}", message.len() / 2);
            named(V1, &request, &["/s"], &["/s"])
        };
        let entry = "0a080a01731203".to_owned() + "1a0161";
        assert_eq!(metadata(&format!("320a{entry}")), Ok(vec!["a".to_owned()]));
        assert_eq!(metadata("32003200"), Err(Code::DuplicateKey));
        assert_eq!(metadata(&format!("3214{entry}{entry}")), Err(Code::DuplicateKey));
        assert_eq!(metadata("320d0a0b0a017312061a01611a0162"), Err(Code::DuplicateKey));
        assert_eq!(metadata("2a050a01782200"), Err(Code::DuplicateKey));
        assert_eq!(metadata("30 01".replace(' ', "").as_str()), Err(Code::InvalidRequest));
    }

    const METADATA_1_0: &str = "1292010a016d328c010a150a016112102a0e0a0c0a016212071a05696e6e65720a0a0a04666c6167120220010a180a046d616e791210320e0a051a036f6e650a051a0374776f0a1b0a056d69786564121232100a031a01780a0911000000000000f03f0a0a0a046e756c6c120208000a130a066e756d62657212091100000000000008400a0f0a05736b696c6c12061a046563686f";
    const DATA_1_0: &str = "123c2a030a01782a1422122a100a0e0a05736b696c6c12051a036f6e652a0922071a05736b696c6c2a1422122a100a0e0a056f7468657212051a0374776f";
    const METADATA_0_3: &str = "0a92010a016d328c010a150a016112102a0e0a0c0a016212071a05696e6e65720a0a0a04666c6167120220010a180a046d616e791210320e0a051a036f6e650a051a0374776f0a1b0a056d69786564121232100a031a01780a0911000000000000f03f0a0a0a046e756c6c120208000a130a066e756d62657212091100000000000008400a0f0a05736b696c6c12061a046563686f";
    const DATA_0_3: &str = "0a382a030a01782a141a120a100a0e0a05736b696c6c12051a036f6e652a0512030a01752a141a120a100a0e0a056f7468657212051a0374776f";
}
