//! Comma-separated values.

use super::{Texts, write_failed};
use crate::{Answer, Result};
use std::io::Write;

/// Writes an answer as CSV by RFC 4180: a header, lines that end with CR LF, a field in quotation marks only
/// where it must be. A missing value is an empty field; an empty text is `""`.
///
/// # Errors
/// [`ErrorKind::Output`](crate::ErrorKind::Output) when `out` refuses.
pub fn csv(answer: &Answer, out: &mut dyn Write) -> Result<()> {
    let schema = answer.schema();
    let header = schema.fields().iter().map(|field| Some(field.name().clone()));
    out.write_all(line(header).as_bytes()).map_err(write_failed)?;
    for batch in answer.batches() {
        let texts = Texts::of(batch)?;
        for row in 0..batch.num_rows() {
            let fields: Vec<_> =
                (0..batch.num_columns()).map(|at| texts.get(row, at)).collect::<Result<_>>()?;
            out.write_all(line(fields.into_iter()).as_bytes()).map_err(write_failed)?;
        }
    }
    Ok(())
}

fn line(fields: impl Iterator<Item = Option<String>>) -> String {
    let fields: Vec<String> =
        fields.map(|field| field.map(|text| quoted(&text)).unwrap_or_default()).collect();
    fields.join(",") + "\r\n"
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(['"', ',', '\r', '\n']);
    let padded = text.starts_with(' ') || text.ends_with(' ');
    if plain && !padded { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_must_be_are_quoted() {
        let fields =
            ["TRAVIS", "a,b", "say \"so\"", "two\nlines", "", " x"].map(|text| Some(text.to_owned()));
        let expected = "TRAVIS,\"a,b\",\"say \"\"so\"\"\",\"two\nlines\",\"\",\" x\",\r\n";
        assert_eq!(line(fields.into_iter().chain([None])), expected);
    }
}
