//! Turns verdicts into what people and programs read: terminal text, charts, one page, CSV and JSON.
//! Input: a [`Check`](evenhand_verdict::Check), which is final; nothing here computes a result anew.
//! Output: strings; the binary decides where they go.
//! Read first: [`words`], the names of statuses and numbers; then [`svg`], whose charts every page shares.

pub mod number;
pub mod words;

pub mod table;
pub mod tokens;

pub mod svg;

pub mod csv;
pub mod json;

pub mod html;
pub mod terminal;

#[cfg(test)]
mod fixture;
