use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use super::{A2A_DOMAIN, Code, Dialect, GatewayError, Nature, Retry};

mod docs;

#[test]
fn every_code_has_its_own_row_and_reason() {
    let mut reasons = HashSet::new();
    for code in Code::ALL {
        let row = code.row();
        assert_eq!(row.code, *code);
        assert!(reasons.insert(row.reason), "{code:?}");
        assert!(row.reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{code:?}");
    }
}

/// js turned a 401 that carried -32001 into a TaskNotFoundError.
#[test]
fn refusals_of_infrastructure_never_carry_a2a_codes() {
    for code in Code::ALL {
        let row = code.row();
        let is_a2a_code = (-32099..=-32001).contains(&row.json_rpc);
        assert_eq!(is_a2a_code, row.nature == Nature::InAgentsPlace, "{code:?}");
        assert_eq!(row.domain() == A2A_DOMAIN, row.nature == Nature::InAgentsPlace, "{code:?}");
        if row.nature == Nature::Infrastructure {
            assert!(row.http >= 400, "{code:?}");
            assert_eq!(row.json_rpc_http(), row.http);
        } else {
            assert_eq!(row.json_rpc_http(), 200);
        }
    }
}

#[test]
fn callers_of_0_x_never_see_codes_that_meant_something_else_there() {
    for code in Code::ALL {
        let number = code.row().json_rpc_code(Dialect::V0);
        assert!(!(-32011..=-32008).contains(&number), "{code:?}");
    }
    assert_eq!(Code::VersionNotSupported.row().json_rpc_code(Dialect::V1), -32009);
}

#[test]
fn a_delay_is_only_named_where_a_repeat_is_safe() {
    for code in Code::ALL {
        let row = code.row();
        if row.retry_after_seconds.is_some() {
            assert_eq!(row.retry, Retry::Safe, "{code:?}");
        }
    }
}

#[test]
fn the_log_and_the_caller_read_different_sentences() {
    let error = GatewayError::new(Code::UpstreamUnavailable)
        .internal("connect to 10.1.2.3:80")
        .caused_by(std::io::Error::other("refused"));
    assert_eq!(error.to_string(), "UPSTREAM_UNAVAILABLE: connect to 10.1.2.3:80");
    assert!(!error.public_message().contains("10.1.2.3"));
    assert_eq!(error.source().unwrap().to_string(), "refused");
    assert_eq!(GatewayError::new(Code::NotFound).to_string(), "NOT_FOUND");
}

#[test]
fn an_own_delay_goes_before_that_of_the_table() {
    assert_eq!(GatewayError::new(Code::RateLimited).retry_delay(), Some(Duration::from_secs(1)));
    let later = GatewayError::new(Code::RateLimited).retry_after(Duration::from_secs(7));
    assert_eq!(later.retry_delay(), Some(Duration::from_secs(7)));
    assert_eq!(GatewayError::new(Code::NotFound).retry_delay(), None);
}

#[test]
fn an_error_is_small() {
    assert!(size_of::<GatewayError>() <= 16);
}
