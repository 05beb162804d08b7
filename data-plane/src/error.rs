//! Every way in which a request can fail, as one type and one table.
