//! System tests: real processes, official SDKs, bad input.
//!
//! This library is the harness that the tests share. The programs beside it (a sample agent, an OTLP sink, a load
//! generator) are also used by the demo and the benchmarks.

pub mod harness;
