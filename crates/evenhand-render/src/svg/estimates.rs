//! Estimates of a user's own data as a picture: an event study by time since treatment, or one row a term.
//!
//! Takes plain numbers, so that whoever has estimates can draw them; the style is that of every other chart.

use super::CSS;
use super::canvas::{Anchor, Canvas, coord};
use super::scale::{self, Scale};
use super::text;
use crate::html::escape;
use crate::number;

/// A picture of estimates.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatesFigure {
    /// What was estimated, as a title.
    pub title: String,
    /// What the numbers are in, such as the outcome's column.
    pub unit: String,
    /// Data and method in one line.
    pub source: String,
    /// What the intervals are: `95 % interval`.
    pub interval: String,
    /// The estimates in order.
    pub points: Vec<EstimatePoint>,
}

/// One estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatePoint {
    /// Its name.
    pub name: String,
    /// Periods since treatment, for an event study.
    pub event_time: Option<i64>,
    /// The estimate.
    pub estimate: f64,
    /// Interval of the estimate alone, where there is one.
    pub interval: Option<(f64, f64)>,
    /// Interval that holds for all of them at once, where there is one.
    pub band: Option<(f64, f64)>,
}

/// A file of its own, in light and dark, with a text equivalent.
///
/// ```
/// use evenhand_render::svg::{EstimatePoint, EstimatesFigure, estimates};
/// let point = |event_time: i64, estimate: f64| EstimatePoint {
///     name: format!("event_time={event_time}"),
///     event_time: Some(event_time),
///     estimate,
///     interval: Some((estimate - 0.1, estimate + 0.1)),
///     band: None,
/// };
/// let svg = estimates(&EstimatesFigure {
///     title: "Teen employment after a minimum wage".into(),
///     unit: "lemp".into(),
///     source: "mpdta.csv, callaway-santanna".into(),
///     interval: "95 % interval".into(),
///     points: vec![point(-1, 0.02), point(0, -0.02), point(1, -0.06)],
/// });
/// assert!(svg.contains("<desc") && svg.contains("prefers-color-scheme:dark"));
/// ```
#[must_use]
pub fn estimates(figure: &EstimatesFigure) -> String {
    let mut canvas = Canvas::default();
    let top = head(figure, &mut canvas);
    let is_study = figure.points.iter().filter(|point| point.event_time.is_some()).count() > 1;
    let bottom = if is_study { study(figure, top, &mut canvas) } else { rows(figure, top, &mut canvas) };
    canvas.text("ax", 0.0, bottom + 18.0, Anchor::Start, &fit(&figure.source));
    canvas.height = bottom + 26.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart wide\" role=\"img\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" \
         height=\"{h}\" aria-labelledby=\"estimates-t estimates-d\"><style>{}svg{{--sans:system-ui,sans-serif;background:var(--page)}}{CSS}</style>\
         <title id=\"estimates-t\">{}</title><desc id=\"estimates-d\">{}</desc>\
         <g transform=\"translate(14 12)\">{}</g></svg>\n",
        crate::tokens::css(),
        escape(&figure.title),
        escape(&description(figure)),
        canvas.body(),
        w = coord(WIDTH + 28.0),
        h = coord(canvas.height + 20.0),
    )
}

const WIDTH: f64 = 692.0;
const HEIGHT: f64 = 260.0;
/// Most rows of a picture without event times; the table has them all.
const MOST_ROWS: usize = 60;

fn fit(text: &str) -> String {
    text::fit(text, text::SIZE, false, WIDTH)
}

/// Title, unit and key; gives where the plot begins.
fn head(figure: &EstimatesFigure, canvas: &mut Canvas) -> f64 {
    canvas.text("big", 0.0, 14.0, Anchor::Start, &text::fit(&figure.title, 15.0, true, WIDTH));
    let banded = figure.points.iter().any(|point| point.band.is_some());
    let key = match banded {
        true => format!(
            "{}; dots: estimate, thick line: {}, thin line: band for all at once",
            figure.unit, figure.interval
        ),
        false => format!("{}; dots: estimate, line: {}", figure.unit, figure.interval),
    };
    canvas.text("ut", 0.0, 33.0, Anchor::Start, &fit(&key));
    46.0
}

/// Ends that can be drawn.
fn ends(point: &EstimatePoint) -> impl Iterator<Item = f64> {
    let pair = |ends: Option<(f64, f64)>| ends.into_iter().flat_map(|(low, high)| [low, high]);
    pair(point.interval).chain(pair(point.band)).chain([point.estimate]).filter(|value| value.is_finite())
}

/// What all estimates and 0 span, with a little room.
fn domain(points: &[EstimatePoint]) -> (f64, f64) {
    let (low, high) =
        points.iter().flat_map(ends).fold((0.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let room = if high > low { (high - low) * 0.06 } else { 1.0 };
    (low - room, high + room)
}

fn study(figure: &EstimatesFigure, top: f64, canvas: &mut Canvas) -> f64 {
    let mut points: Vec<(i64, &EstimatePoint)> =
        figure.points.iter().filter_map(|point| Some((point.event_time?, point))).collect();
    points.sort_by_key(|(event_time, _)| *event_time);
    let (first, last) = (points.first().map_or(0, |p| p.0) as f64, points.last().map_or(0, |p| p.0) as f64);
    let domain = domain(&figure.points);
    let values = scale::ticks(domain.0, domain.1, 5);
    let decimals = scale::decimals(&values);
    let label = |value: f64| number::fixed(value, decimals);
    let widest =
        values.iter().map(|&value| text::width(&label(value), text::SIZE, false)).fold(0.0, f64::max);
    let bottom = top + HEIGHT;
    let y = Scale::new(domain, (bottom, top));
    let x = Scale::new((first - 0.5, last + 0.5), (widest + 8.0, WIDTH));
    // What comes before treatment stands on another ground than what comes after.
    if first < 0.0 {
        canvas.rect("band", x.at(first - 0.5), top, x.held(-0.5) - x.at(first - 0.5), HEIGHT);
    }
    for value in values {
        let class = if value.abs() < 1e-12 { "ref" } else { "grid" };
        canvas.line(class, (widest + 8.0, y.at(value)), (WIDTH, y.at(value)));
        canvas.text("ax", widest, y.at(value) + 4.0, Anchor::End, &label(value));
    }
    if first < 0.0 && last >= 0.0 {
        canvas.line("mark", (x.at(-0.5), top), (x.at(-0.5), bottom));
        canvas.text("ax", x.at(-0.5) + 5.0, top + 12.0, Anchor::Start, "treated");
        canvas.text("ax", x.at(-0.5) - 5.0, top + 12.0, Anchor::End, "before");
    }
    for (event_time, point) in &points {
        let at = x.at(*event_time as f64);
        for (class, ends) in [("ci", point.band), ("ci1", point.interval)] {
            if let Some((low, high)) = ends {
                canvas.line(class, (at, y.held(low)), (at, y.held(high)));
            }
        }
        if point.estimate.is_finite() {
            canvas.dot("ptm", at, y.held(point.estimate), 4.5);
        }
    }
    canvas.line("base", (widest + 8.0, bottom), (WIDTH, bottom));
    let step = ((last - first) / 16.0).ceil().max(1.0) as i64;
    for (event_time, _) in points.iter().filter(|(event_time, _)| event_time % step == 0) {
        let label = number::fixed(*event_time as f64, 0);
        canvas.text("ax", x.at(*event_time as f64), bottom + 16.0, Anchor::Middle, &label);
    }
    canvas.text(
        "ut",
        f64::midpoint(widest + 8.0, WIDTH),
        bottom + 33.0,
        Anchor::Middle,
        "Periods since treatment",
    );
    bottom + 36.0
}

fn rows(figure: &EstimatesFigure, top: f64, canvas: &mut Canvas) -> f64 {
    let points = &figure.points[..figure.points.len().min(MOST_ROWS)];
    let names = points.iter().map(|point| text::width(&point.name, text::SIZE, false)).fold(0.0, f64::max);
    let left = (names + 12.0).min(WIDTH * 0.4);
    let domain = domain(points);
    let x = Scale::new(domain, (left, WIDTH - 90.0));
    let mut bottom = top + 24.0 * points.len() as f64 + 6.0;
    let values = scale::ticks(domain.0, domain.1, 5);
    let decimals = scale::decimals(&values);
    for value in values {
        let class = if value.abs() < 1e-12 { "ref" } else { "grid" };
        canvas.line(class, (x.at(value), top), (x.at(value), bottom));
        canvas.text("ax", x.at(value), bottom + 16.0, Anchor::Middle, &number::fixed(value, decimals));
    }
    canvas.line("base", (left, bottom), (WIDTH - 90.0, bottom));
    for (row, point) in points.iter().enumerate() {
        let at = top + 24.0 * row as f64 + 14.0;
        canvas.text("", 0.0, at + 4.0, Anchor::Start, &text::fit(&point.name, text::SIZE, false, left - 8.0));
        for (class, ends) in [("ci", point.band), ("ci1", point.interval)] {
            if let Some((low, high)) = ends {
                canvas.line(class, (x.held(low), at), (x.held(high), at));
            }
        }
        if point.estimate.is_finite() {
            canvas.dot("ptm", x.held(point.estimate), at, 4.5);
            canvas.text("b", WIDTH, at + 4.0, Anchor::End, &number::short(point.estimate));
        }
    }
    bottom += 20.0;
    let rest = figure.points.len() - points.len();
    if rest > 0 {
        canvas.text("ax", 0.0, bottom + 14.0, Anchor::Start, &format!("and {rest} more in the table"));
        bottom += 16.0;
    }
    bottom
}

/// The numbers in words, for people who do not see the picture.
fn description(figure: &EstimatesFigure) -> String {
    let one = |point: &EstimatePoint| {
        let estimate = number::short(point.estimate);
        let name = match point.event_time {
            Some(event_time) => format!("period {}", number::fixed(event_time as f64, 0)),
            None => point.name.clone(),
        };
        match point.interval.filter(|(low, high)| low.is_finite() && high.is_finite()) {
            Some((low, high)) => {
                format!("{name}: {estimate} ({} to {})", number::short(low), number::short(high))
            }
            None => format!("{name}: {estimate}"),
        }
    };
    let listed = figure.points.iter().take(MOST_ROWS).map(one).collect::<Vec<_>>().join("; ");
    format!("{}, in {}, with {}. {listed}. {}", figure.title, figure.unit, figure.interval, figure.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(points: Vec<EstimatePoint>) -> EstimatesFigure {
        EstimatesFigure {
            title: "Effect <of> A & B".into(),
            unit: "lemp".into(),
            source: "mpdta.csv, callaway-santanna".into(),
            interval: "95 % interval".into(),
            points,
        }
    }

    fn point(event_time: Option<i64>, estimate: f64, half: f64) -> EstimatePoint {
        EstimatePoint {
            name: "att".into(),
            event_time,
            estimate,
            interval: Some((estimate - half, estimate + half)),
            band: Some((estimate - 2.0 * half, estimate + 2.0 * half)),
        }
    }

    #[test]
    fn an_event_study_says_in_words_what_it_shows() {
        let svg = estimates(&figure((-3..4).map(|e| point(Some(e), e as f64 * 0.1, 0.2)).collect()));
        assert!(svg.contains("Periods since treatment") && svg.contains("period \u{2212}3"));
        assert!(svg.contains("Effect &lt;of&gt; A &amp; B") && svg.contains("prefers-color-scheme:dark"));
        assert_eq!(svg.matches("class=\"ptm\"").count(), 7);
    }

    #[test]
    fn odd_estimates_still_make_a_picture() {
        for points in [
            vec![],
            vec![point(None, f64::NAN, 1.0)],
            vec![point(None, 0.0, f64::INFINITY)],
            vec![point(Some(0), 0.0, 0.0), point(Some(1), 0.0, 0.0)],
            (0..200).map(|e| point(None, f64::from(e), 1.0)).collect(),
        ] {
            let svg = estimates(&figure(points));
            let drawn = &svg[svg.find("<g ").unwrap()..];
            assert!(svg.ends_with("</svg>\n") && !drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
