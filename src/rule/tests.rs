//! Tests of whole rules.
