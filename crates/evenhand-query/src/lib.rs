//! SQL over a record
