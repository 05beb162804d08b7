//! One command a file.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod delete;
pub(crate) mod fleet;
pub(crate) mod get;
pub(crate) mod keys;
pub(crate) mod resource;
pub(crate) mod token;
pub(crate) mod wait;
