//! The record inside the binary: figures that Evenhand itself derived, and reference tables.

/// Path in the record and content of every file of the built-in record.
pub(crate) const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin_record.rs"));
