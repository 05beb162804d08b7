//! Rate limits and open-stream limits, with state that lives across config changes.
