//! Verdicts as terminal text, charts, pages and machine-readable files
