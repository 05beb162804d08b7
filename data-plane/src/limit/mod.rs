//! Rate limits and open-stream limits, with state that lives across config changes.
//!
//! What was spent is kept in [`states::States`], one for the process, by the identity of the limit and of whom it
//! counts. The limits themselves ([`rate::RateLimits`]) are compiled with their plan and hold no state, so a push
//! refills no bucket, and a changed rate keeps what was spent.

mod clock;
pub mod headers;
mod identity;
pub mod rate;
pub mod states;
pub mod streams;
pub mod subject;

#[cfg(test)]
mod tests;
