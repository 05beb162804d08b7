use super::*;

#[test]
fn every_path_is_closed_unless_somebody_opened_it() {
    let admin = Access::Token(TokenKind::Admin);
    for path in [
        "",
        "/",
        "/x/y",
        "/signalbox.config.v1.ConfigService/GetAgent",
        "/signalbox.fleet.v1.FleetService/GetDataPlane",
        "//grpc.health.v1.Health/Check",
        "/grpc.health.v1.HealthX/Check",
    ] {
        assert_eq!(access(path), admin, "{path}");
    }
    assert_eq!(access("/grpc.health.v1.Health/Check"), Access::Open);
    let data_plane = Access::Token(TokenKind::DataPlane);
    assert_eq!(access("/signalbox.discovery.v1.DiscoveryService/Sync"), data_plane);
}
