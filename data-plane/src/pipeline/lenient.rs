//! Puts messages right that an agent would refuse for their form, where the agent asks for it.

use bytes::Bytes;

use super::call::ReadCall;
use super::enter::Routed;
use crate::a2a::lenient;
use crate::error::{Code, GatewayError};

/// Changes the body of a send whose message is in a common but wrong form, and counts it.
///
/// # Errors
/// `Internal` without random bytes for an id.
pub(super) fn mend(routed: &Routed, call: &mut ReadCall) -> Result<(), GatewayError> {
    if !routed.agent.spec.lenient || !call.operation.is_send() {
        return Ok(());
    }
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| GatewayError::new(Code::Internal).internal("there are no random bytes"))?;
    // What cannot be put right is the agent's to judge.
    let mended = lenient::mend(call.binding, call.naming, &call.body, || uuid_v4(bytes));
    if let Some(body) = mended.unwrap_or_default() {
        call.body = Bytes::from(body);
        routed.agent.metrics.lenient_message();
    }
    Ok(())
}

/// RFC 9562 §5.4.
fn uuid_v4(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let group = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
