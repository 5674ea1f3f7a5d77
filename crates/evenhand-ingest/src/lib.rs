//! Released workbooks, tables and reports into typed columns
