//! What the data plane has been told: sources, last good state, and the compiled tables that requests read.
