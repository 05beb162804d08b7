//! The A2A protocol: envelopes, operations, versions and agent cards.
