use bytes::Bytes;
use proptest::prelude::*;

use super::{Collector, check_announced};
use crate::error::Code;

#[test]
fn one_chunk_is_not_copied() {
    let chunk = Bytes::from(vec![1, 2, 3]);
    let mut collector = Collector::new(3);
    collector.push(chunk.clone()).unwrap();
    let body = collector.finish();
    assert_eq!(body.as_ptr(), chunk.as_ptr());
}

#[test]
fn an_announced_length_is_judged_at_once() {
    assert!(check_announced(None, 10).is_ok());
    assert!(check_announced(Some(10), 10).is_ok());
    assert_eq!(check_announced(Some(11), 10).unwrap_err().code(), Code::BodyTooLarge);
    assert_eq!(check_announced(Some(u64::MAX), 10).unwrap_err().code(), Code::BodyTooLarge);
}

proptest! {
    #[test]
    fn chunks_add_up_or_are_too_large(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8),
        limit in 0usize..120,
    ) {
        let mut collector = Collector::new(limit);
        let outcome = chunks.iter().try_for_each(|chunk| collector.push(Bytes::from(chunk.clone())));
        let whole = chunks.concat();
        prop_assert_eq!(outcome.is_ok(), whole.len() <= limit);
        if outcome.is_ok() {
            prop_assert_eq!(collector.len(), whole.len());
            prop_assert_eq!(collector.finish(), whole);
        }
    }
}
