use std::sync::Arc;

use super::MemoryStore;
use crate::store::suite::{Fixture, contract};

async fn fresh() -> Fixture {
    (Arc::new(MemoryStore::default()), Box::new(()))
}

contract!(fresh);
