//! The admin listener on loopback: readiness, metrics, config dump; and the plain health path.
