//! Event streams: splitting, heartbeats, relaying.
