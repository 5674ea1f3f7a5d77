//! The record on disk: Parquet layout, manifest, crash-safe publish, verification
