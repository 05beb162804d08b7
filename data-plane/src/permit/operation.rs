//! Which operations a plan opens.

use signalbox_proto::model::permits::Permits;

use crate::error::{Code, GatewayError};

/// Checks an operation by its canonical name. A method that A2A does not define has none of the names that a list can
/// hold, and so is refused under every list.
///
/// # Errors
/// `UnsupportedOperation`.
pub fn check_operation(permits: &Permits, operation: &str) -> Result<(), GatewayError> {
    if permits.operations.is_empty() || permits.operations.contains(&operation) {
        return Ok(());
    }
    Err(GatewayError::new(Code::UnsupportedOperation)
        .detail(format!("The plan does not open {operation}."))
        .metadata("operation", operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_opens_its_own_and_nothing_unknown() {
        let none = Permits::default();
        let some = Permits { operations: vec!["SendMessage", "GetTask"], skills: Vec::new() };
        for operation in ["SendMessage", "GetTask", "CancelTask", "unknown"] {
            check_operation(&none, operation).unwrap();
        }
        check_operation(&some, "GetTask").unwrap();
        for operation in ["CancelTask", "SendStreamingMessage", "unknown", ""] {
            let error = check_operation(&some, operation).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedOperation);
        }
    }
}
