//! One stream a data plane: cursors, deltas, acknowledgements; and the fleet view.
//!
//! `server` takes the stream and its Hello, `session` runs it: one `lane` loop for each lane, a reader that hands
//! acknowledgements to them, and heartbeats. A lane keeps a cursor and no queue: it waits until the head is beyond the
//! cursor, sends what lies between, and waits for the answer. `fleet` remembers what every data plane last said.

pub mod backoff;
pub mod capability;
pub mod chunk;
pub mod fleet;
pub mod hello;
pub mod lane;
pub mod server;
pub mod session;
pub mod wait;

pub use self::fleet::Fleet;
pub use self::server::DiscoveryApi;

#[cfg(test)]
mod convergence_tests;
#[cfg(test)]
mod tests;
