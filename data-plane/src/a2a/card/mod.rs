//! Agent cards.
