//! Traces, metrics, logs and the access log.
