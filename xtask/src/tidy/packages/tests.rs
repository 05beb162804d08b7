use super::{check, check_crypto};

fn metadata(name: &str, depends_on: &str) -> String {
    let package = |name: &str, on: &[&str]| {
        let dependencies: Vec<_> = on.iter().map(|name| serde_json::json!({"name": name})).collect();
        serde_json::json!({"id": format!("path+{name}"), "name": name, "dependencies": dependencies})
    };
    serde_json::json!({
        "packages": [
            package(name, &[depends_on, "serde"]),
            package("signalbox-proto", &["serde"]),
            package("signalbox-data-plane", &["signalbox-proto"]),
            package("serde", &["ring"]),
        ],
        "workspace_members": [format!("path+{name}"), "path+signalbox-proto", "path+signalbox-data-plane"],
    })
    .to_string()
}

#[test]
fn the_planes_depend_on_the_proto_alone() {
    assert!(check(&metadata("signalbox-control-plane", "signalbox-proto")).unwrap().is_empty());
    let found = check(&metadata("signalbox-control-plane", "signalbox-data-plane")).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().contains("`signalbox-control-plane` depends on `signalbox-data-plane`"));
}

#[test]
fn xtask_depends_on_none() {
    assert_eq!(check(&metadata("xtask", "signalbox-proto")).unwrap().len(), 1);
    assert!(check(&metadata("xtask", "serde_json")).unwrap().is_empty());
}

#[test]
fn a_seventh_package_is_found() {
    assert!(
        check(&metadata("signalbox-extra", "serde")).unwrap()[0].to_string().contains("not one of the six")
    );
}

#[test]
fn a_second_tls_stack_is_found() {
    assert!(check_crypto("rustls v0.23.46\nstring v0.1.0\nring-like v1.0.0\n").is_empty());
    assert_eq!(check_crypto("rustls v0.23.46\nring v0.17.14\n").len(), 1);
}
