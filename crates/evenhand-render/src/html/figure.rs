//! A figure on the page: finding, picture at two widths, readout, source, and the table that says the same.

use super::scroll;
use crate::svg::{self, Width};
use crate::table::{self, Cell, Table};
use crate::{csv, words};
use evenhand_verdict::{Chart, Figure};
use maud::{Markup, PreEscaped, html};

/// The figure, its title a heading of `level` 3 or 4.
pub fn figure(figure: &Figure, level: u8) -> Markup {
    let read = matches!(figure.chart, Chart::Series { .. });
    html! {
        figure id={ "fig-" (figure.id) } data-read[read] {
            figcaption {
                @if level == 3 { h3 { (words::capital(&figure.title)) } } @else { h4 { (words::capital(&figure.title)) } }
                p.sub { (figure.subtitle) }
            }
            div.plot {
                (PreEscaped(svg::draw(figure, Width::Wide)))
                (PreEscaped(svg::draw(figure, Width::Narrow)))
            }
            @if read { p.readout role="status" {} }
            @for note in &figure.notes { p.note { (words::sentence(note)) } }
            p.note { "Source: " (words::sentence(&figure.source)) }
            div.twin {
                a download={ (figure.id) ".csv" } href=(data_url(&csv::figure(figure))) { "CSV" }
                details {
                    summary { "Show as table" }
                    (scroll(&figure.title, &twin(figure)))
                }
            }
        }
    }
}

fn twin(figure: &Figure) -> Markup {
    let table = table::for_page(figure);
    html! {
        table.twin-table {
            thead {
                tr {
                    @for (at, name) in table.columns.iter().enumerate() {
                        th.t[of_words(&table, at)] scope="col" { (name) }
                    }
                }
            }
            tbody {
                @for row in &table.rows {
                    tr {
                        @for (at, cell) in row.iter().enumerate() {
                            @match cell {
                                Cell::Text(text) if at == 0 => { th { (text) } }
                                Cell::Text(text) => { td.t { (text) } }
                                _ => { td { (cell.read()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a column holds words, which stand on the left.
fn of_words(table: &Table, column: usize) -> bool {
    table.rows.first().is_some_and(|row| matches!(row.get(column), Some(Cell::Text(_))))
}

/// The text as an address that a browser saves; letters that stand for themselves stay as they are.
fn data_url(text: &str) -> String {
    let mut url = "data:text/csv;charset=utf-8,".to_owned();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b','
            | b';'
            | b':'
            | b'('
            | b')'
            | b'*'
            | b'/'
            | b'='
            | b'@' => url.push(byte as char),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_every_byte() {
        assert_eq!(data_url("a,1\r\n\u{e9} \"#"), "data:text/csv;charset=utf-8,a,1%0D%0A%C3%A9%20%22%23");
    }
}
