//! Tests of the committed tables, against the released ones and against counties decided by hand.

mod checked_sample;
mod committed_tables;
mod support;
