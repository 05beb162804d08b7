//! One stream a data plane: cursors, deltas, acknowledgements; and the fleet view.
