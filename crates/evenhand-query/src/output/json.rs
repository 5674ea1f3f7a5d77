//! JSON.

use super::{Texts, write_failed};
use crate::{Answer, Error, ErrorKind, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use std::collections::BTreeSet;
use std::io::Write;

/// Writes an answer as one document:
/// `{"schema":"query/1","columns":[{"name":…,"type":…}],"rows":[{…},…]}`.
///
/// Numbers and truth values are JSON's own, a number that JSON cannot hold (NaN, infinite) and a missing value
/// are `null`, everything else is text, dates as `2017-02-01`. `type` is Arrow's name.
///
/// # Errors
/// [`ErrorKind::Output`] when two columns bear one name, or `out` refuses.
pub fn json(answer: &Answer, out: &mut dyn Write) -> Result<()> {
    let schema = answer.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    check_names(&names)?;
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let (name, kind) = (text(field.name()), text(&field.data_type().to_string()));
        format!("{{\"name\":{name},\"type\":{kind}}}")
    };
    let columns: Vec<String> = schema.fields().iter().map(column).collect();
    let mut write = |text: &str| out.write_all(text.as_bytes()).map_err(write_failed);
    write(&format!("{{\"schema\":\"query/1\",\"columns\":[{}],\"rows\":[", columns.join(",")))?;
    let mut separator = "\n";
    for batch in answer.batches() {
        let texts = Texts::of(batch)?;
        for row in 0..batch.num_rows() {
            write(separator)?;
            write(&object(&names, batch, &texts, row)?)?;
            separator = ",\n";
        }
    }
    write("\n]}\n")
}

fn object(names: &[&str], batch: &RecordBatch, texts: &Texts<'_>, row: usize) -> Result<String> {
    let member = |(at, name): (usize, &&str)| {
        let value = match texts.get(row, at)? {
            Some(value) => literal(&value, batch.column(at).data_type()),
            None => "null".to_owned(),
        };
        Ok(format!("{}:{value}", text(name)))
    };
    let members: Vec<String> = names.iter().enumerate().map(member).collect::<Result<_>>()?;
    Ok(format!("{{{}}}", members.join(",")))
}

fn literal(value: &str, data_type: &DataType) -> String {
    let is_finite = || value.parse::<f64>().is_ok_and(f64::is_finite);
    match data_type {
        DataType::Boolean => value.to_owned(),
        kind if kind.is_numeric() && is_finite() => value.to_owned(),
        kind if kind.is_numeric() => "null".to_owned(),
        _ => text(value),
    }
}

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn check_names(names: &[&str]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(**name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("expected each column name once, found `{name}` twice");
            Err(Error::new(ErrorKind::Output, message).with_hint("give one of them another name with AS"))
        }
    }
}
