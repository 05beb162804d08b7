//! Bad input: a clear, correctly shaped error, and the process, other callers and the stored state unharmed.

mod applied;
mod bodies;
mod cards;
mod clients;
mod headers;
mod json;
mod manifests;
mod state;
mod tokens;
mod upstreams;
