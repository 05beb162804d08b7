//! What a plan and an agent allow of a call: its operation, its skill, its webhooks.
//!
//! All of it is pure. What a call asks for is read elsewhere, in every binding alike; here it is only judged.

mod address;
mod operation;
mod push;
mod skill;
mod webhook;

pub use operation::check_operation;
pub use push::{PushRules, push_mode};
pub use skill::check_skill;
pub use webhook::NotAllowed;
