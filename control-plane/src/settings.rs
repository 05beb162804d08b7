//! Process settings from flags and the environment.
