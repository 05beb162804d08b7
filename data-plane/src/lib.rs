//! data-plane.
