//! Tests across the kinds.
