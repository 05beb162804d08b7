//! Every way in which a call can fail, as one type and one table.
