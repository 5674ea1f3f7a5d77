//! Charts, drawn once: a figure's data become SVG that page, file and tests share.
//!
//! A chart is laid out for the width it will be seen at, not scaled to it: [`Width::Wide`] for a desk,
//! [`Width::Narrow`] for a phone. Colours are classes over the custom properties of [`crate::tokens`]. Every
//! picture has a title and a description; coordinates are rounded to a tenth, so that the same figure is the
//! same text everywhere.

mod canvas;
mod scale;
mod text;
mod time;

mod marks;
mod unit;

mod estimates;
mod intervals;
mod multiples;
mod series;
mod shares;
mod specifications;

pub use estimates::{EstimatePoint, EstimatesFigure, estimates};
pub(crate) use time::{is_monthly, period_name};

use crate::html::escape;
use canvas::Canvas;
use evenhand_verdict::{Chart, Figure};

/// Rules for the classes that charts use.
pub const CSS: &str = include_str!("chart.css");

/// The width that a chart is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 720 units.
    Wide,
    /// 350 units, a phone held upright.
    Narrow,
}

impl Width {
    /// In units of the view box.
    #[must_use]
    pub fn units(self) -> f64 {
        match self {
            Self::Wide => 720.0,
            Self::Narrow => 350.0,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Wide => "w",
            Self::Narrow => "n",
        }
    }
}

/// An `svg` element for a page that carries [`CSS`] and the tokens.
///
/// Its ids are the figure's id with a suffix for the width, so both widths can stand on one page.
#[must_use]
pub fn draw(figure: &Figure, width: Width) -> String {
    let canvas = match &figure.chart {
        Chart::Series { periods, series, stacked, marks, unit } => {
            series::draw(&series::Plot { periods, series, stacked: *stacked, marks, unit }, width)
        }
        Chart::Multiples { periods, panels, marks, unit } => {
            multiples::draw(periods, panels, marks, unit, width)
        }
        Chart::Shares { bars, claimed, unit } => shares::draw(bars, *claimed, unit, width),
        Chart::Intervals { rows, reference, band, unit } => {
            intervals::draw(rows, *reference, *band, unit, width)
        }
        Chart::Specifications { multiverse, reference, unit } => {
            specifications::draw(multiverse, *reference, unit, width)
        }
    };
    wrap(figure, width, &canvas)
}

/// A file of its own: the same picture with its style inside.
#[must_use]
pub fn file(figure: &Figure, width: Width) -> String {
    let drawn = draw(figure, width);
    let style = format!("<style>{}{CSS}</style>", crate::tokens::css());
    let open = drawn.find('>').map_or(0, |at| at + 1);
    let head = drawn[..open].replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    format!("{head}{style}{}\n", &drawn[open..])
}

fn wrap(figure: &Figure, width: Width, canvas: &Canvas) -> String {
    let id = format!("{}-{}", figure.id, width.suffix());
    let id = escape(&id);
    let (w, h) = (canvas::coord(width.units()), canvas::coord(canvas.height));
    let data = canvas.cursor.map_or_else(String::new, |cursor| {
        let [first, last, top, bottom] =
            [cursor.first, cursor.last, cursor.top, cursor.bottom].map(canvas::coord);
        format!(" data-c=\"{first} {last} {} {top} {bottom}\"", cursor.count)
    });
    format!(
        "<svg class=\"chart {class}\" role=\"img\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
         aria-labelledby=\"{id}-t {id}-d\"{data}><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{description}</desc>{body}</svg>",
        class = match width {
            Width::Wide => "wide",
            Width::Narrow => "narrow",
        },
        title = escape(&crate::words::capital(&figure.title)),
        description = escape(&figure.description),
        body = canvas.body(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use evenhand_verdict::{IntervalRow, Multiverse, Series, SeriesRole, ShareBar};

    /// One element a line, so that a change shows where it is.
    fn lines(svg: &str) -> String {
        svg.replace("><", ">\n<")
    }

    #[test]
    fn series_with_a_gap_a_span_and_two_marks() {
        insta::assert_snapshot!(lines(&draw(&fixture::series(), Width::Narrow)));
    }

    #[test]
    fn stacked_areas_break_where_data_are_missing() {
        insta::assert_snapshot!(lines(&draw(&fixture::stacked(), Width::Wide)));
    }

    #[test]
    fn small_multiples_share_one_scale() {
        insta::assert_snapshot!(lines(&draw(&fixture::multiples(), Width::Narrow)));
    }

    #[test]
    fn shares_with_an_interval_and_the_claimed_range() {
        insta::assert_snapshot!(lines(&draw(&fixture::shares(), Width::Wide)));
    }

    #[test]
    fn intervals_with_an_open_end() {
        insta::assert_snapshot!(lines(&draw(&fixture::intervals(), Width::Narrow)));
    }

    #[test]
    fn specification_curve_and_its_choices() {
        insta::assert_snapshot!(lines(&draw(&fixture::specifications(), Width::Wide)));
    }

    #[test]
    fn every_picture_says_what_it_shows() {
        for figure in fixture::figures() {
            for width in [Width::Wide, Width::Narrow] {
                let svg = draw(&figure, width);
                assert!(svg.contains("role=\"img\""), "{}", figure.id);
                assert!(
                    svg.contains(&format!(">{}</title>", escape(&crate::words::capital(&figure.title)))),
                    "{}",
                    figure.id
                );
                assert!(svg.contains(&format!(">{}</desc>", escape(&figure.description))), "{}", figure.id);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}: {svg}", figure.id);
                assert!(!svg.contains("#"), "a colour outside the tokens in {}", figure.id);
            }
        }
    }

    #[test]
    fn nothing_is_drawn_outside_the_picture() {
        for figure in fixture::figures() {
            for width in [Width::Wide, Width::Narrow] {
                let svg = draw(&figure, width);
                for (attribute, most) in [(" x=\"", width.units()), (" cx=\"", width.units())] {
                    for piece in svg.split(attribute).skip(1) {
                        let value: f64 = piece.split('"').next().unwrap().parse().unwrap();
                        assert!((0.0..=most).contains(&value), "{}: {attribute}{value}", figure.id);
                    }
                }
            }
        }
    }

    #[test]
    fn odd_data_still_make_a_picture() {
        let nan = f64::NAN;
        let odd =
            |values: Vec<Option<f64>>| Series { name: String::new(), values, role: SeriesRole::Primary };
        let none = fixture::multiverse();
        let none = Multiverse { axes: vec![], specifications: vec![], variance_by_axis: vec![], ..none };
        let bar =
            |value: f64, interval| ShareBar { name: "x".into(), parts: vec![("y".into(), value)], interval };
        let row = |est, lo, hi| IntervalRow { name: "x".into(), est, lo, hi, emphasis: true };
        let series = |periods: &[&str], series: Vec<Series>, stacked| Chart::Series {
            periods: periods.iter().map(|&period| period.to_owned()).collect(),
            series,
            stacked,
            marks: vec![],
            unit: String::new(),
        };
        let charts = [
            series(&[], vec![], false),
            series(&[], vec![odd(vec![])], true),
            series(&["2017-01-01"], vec![odd(vec![Some(nan)])], true),
            series(&["2017-01-01"], vec![odd(vec![Some(3.0), Some(4.0)])], false),
            series(
                &["not a day", "2017-01-01"],
                vec![odd(vec![None]), odd(vec![Some(f64::INFINITY)])],
                false,
            ),
            Chart::Multiples {
                periods: vec![],
                panels: vec![odd(vec![])],
                marks: vec![],
                unit: String::new(),
            },
            Chart::Shares { bars: vec![], claimed: Some((0.0, f64::INFINITY)), unit: String::new() },
            Chart::Shares {
                bars: vec![bar(nan, Some((nan, nan))), bar(-1.0, None)],
                claimed: None,
                unit: "percent".into(),
            },
            Chart::Intervals { rows: vec![], reference: nan, band: None, unit: "ln ratio".into() },
            Chart::Intervals {
                rows: vec![row(nan, nan, nan), row(0.0, f64::NEG_INFINITY, f64::INFINITY)],
                reference: 0.0,
                band: Some((f64::NEG_INFINITY, f64::INFINITY)),
                unit: "ln ratio".into(),
            },
            Chart::Specifications { multiverse: none, reference: 0.0, unit: String::new() },
        ];
        for chart in charts {
            let figure = Figure { chart, ..fixture::series() };
            for width in [Width::Wide, Width::Narrow] {
                let svg = draw(&figure, width);
                assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && svg.len() < 20_000, "{svg}");
            }
        }
    }

    #[test]
    fn a_file_stands_alone() {
        let text = file(&fixture::series(), Width::Wide);
        assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" "));
        assert!(text.contains("--tone1:") && text.contains(".chart text{"));
        assert!(!text.contains("url(") && !text.contains("href"));
    }
}
