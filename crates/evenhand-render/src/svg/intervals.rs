//! Estimates with their intervals, one a row, against a reference value and a band of no interest.

use super::Width;
use super::canvas::{Anchor, Canvas, Path};
use super::scale::Scale;
use super::text;
use super::unit::{self, Kind};
use evenhand_verdict::IntervalRow;

/// Draws the rows in order.
pub fn draw(
    rows: &[IntervalRow],
    reference: f64,
    band: Option<(f64, f64)>,
    unit: &str,
    width: Width,
) -> Canvas {
    let mut canvas = Canvas::default();
    let kind = Kind::of(unit);
    let domain = domain(rows, reference, band);
    let numbers: Vec<String> = rows.iter().map(|row| numbers(row, kind)).collect();
    let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
    let number_width = widest(&mut numbers.iter().map(|text| text::width(text, text::SIZE, true))) + 8.0;
    let name_width = widest(&mut rows.iter().map(|row| text::width(&row.name, text::SIZE, true))) + 12.0;
    // On a phone names and numbers stand above their row.
    let above = width == Width::Narrow || name_width + number_width > width.units() * 0.62;
    let (left, right) = if above { (0.0, width.units()) } else { (name_width, width.units() - number_width) };
    let scale = Scale::new(domain, (left + 8.0, right - 8.0));
    let places = places(rows, &numbers, above, width);

    canvas.text("ut", left, 11.0, Anchor::Start, &unit::title(unit));
    let top = 22.0;
    let bottom = top + places.iter().map(|place| place.height).sum::<f64>() + 4.0;
    if let Some((lo, hi)) = band {
        canvas.rect("band", scale.held(lo), top, scale.held(hi) - scale.held(lo), bottom - top);
    }
    for (value, label) in kind.ticks(scale.domain().0, scale.domain().1, if above { 4 } else { 5 }) {
        let x = scale.at(value);
        canvas.line("grid", (x, top), (x, bottom));
        let half = text::width(&label, text::SIZE, false) / 2.0;
        canvas.text("ax", x.clamp(half, width.units() - half), bottom + 16.0, Anchor::Middle, &label);
    }
    canvas.line("base", (left, bottom), (right, bottom));
    canvas.line("ref", (scale.held(reference), top), (scale.held(reference), bottom));
    let mut y = top;
    for ((row, numbers), place) in rows.iter().zip(&numbers).zip(&places) {
        mark(row, y + place.line, &scale, &mut canvas);
        let class = if row.emphasis { "b halo" } else { "halo" };
        let name =
            text::fit(&row.name, text::SIZE, row.emphasis, if above { width.units() } else { name_width });
        canvas.text(class, 0.0, y + place.name, Anchor::Start, &name);
        let (x, anchor) =
            if place.numbers > place.name { (0.0, Anchor::Start) } else { (width.units(), Anchor::End) };
        canvas.text(class, x, y + place.numbers, anchor, numbers);
        y += place.height;
    }
    canvas.height = bottom + 22.0;
    canvas
}

/// Heights inside a row, from its top.
struct Place {
    height: f64,
    /// Baselines of name and numbers.
    name: f64,
    numbers: f64,
    /// The interval's line.
    line: f64,
}

/// Beside its line a row is one line high; above it, name and numbers share a line where they fit.
fn places(rows: &[IntervalRow], numbers: &[String], above: bool, width: Width) -> Vec<Place> {
    let size = |text: &str| text::width(text, text::SIZE, true);
    rows.iter()
        .zip(numbers)
        .map(|(row, numbers)| match (above, size(&row.name) + size(numbers) + 10.0 <= width.units()) {
            (false, _) => Place { height: 28.0, name: 19.0, numbers: 19.0, line: 15.0 },
            (true, true) => Place { height: 44.0, name: 14.0, numbers: 14.0, line: 28.0 },
            (true, false) => Place { height: 60.0, name: 14.0, numbers: 30.0, line: 44.0 },
        })
        .collect()
}

/// The line, its ends and the point. An end outside the frame, or an infinite one, is an arrow.
fn mark(row: &IntervalRow, y: f64, scale: &Scale, canvas: &mut Canvas) {
    let class = if row.emphasis { "ci1" } else { "ci" };
    let (lo, hi) = scale.domain();
    let known = |end: f64| if end.is_nan() { row.est } else { end };
    let (from, to) = (known(row.lo), known(row.hi));
    if !from.is_nan() && !to.is_nan() {
        canvas.line(class, (scale.held(from), y), (scale.held(to), y));
        if from < lo {
            arrow(class, scale.held(from), y, 6.0, canvas);
        }
        if to > hi {
            arrow(class, scale.held(to), y, -6.0, canvas);
        }
    }
    if row.est.is_finite() {
        let radius = if row.emphasis { 5.5 } else { 4.5 };
        canvas.dot(if row.emphasis { "ptm" } else { "pt" }, scale.held(row.est), y, radius);
    }
}

/// A head that points away from `x + back`.
fn arrow(class: &str, x: f64, y: f64, back: f64, canvas: &mut Canvas) {
    let mut path = Path::default();
    path.move_to(x + back, y - 5.0);
    path.line_to(x - back * 0.2, y);
    path.line_to(x + back, y + 5.0);
    canvas.path(class, &path);
}

/// Estimates, reference and band are always in view; intervals as far as they leave the rest readable.
fn domain(rows: &[IntervalRow], reference: f64, band: Option<(f64, f64)>) -> (f64, f64) {
    let core: Vec<f64> = rows
        .iter()
        .map(|row| row.est)
        .chain(rows.iter().filter(|row| row.emphasis).flat_map(|row| [row.lo, row.hi]))
        .chain([reference])
        .chain(band.into_iter().flat_map(|(lo, hi)| [lo, hi]))
        .filter(|value| value.is_finite())
        .collect();
    let (lo, hi) = extent(&core);
    let room = (hi - lo).max(f64::MIN_POSITIVE);
    let ends = rows.iter().flat_map(|row| [row.lo, row.hi]).filter(|value| value.is_finite());
    let inside = ends.map(|end| end.clamp(lo - 1.5 * room, hi + 1.5 * room));
    let all: Vec<f64> = core.iter().copied().chain(inside).collect();
    let (lo, hi) = extent(&all);
    (lo - 0.03 * (hi - lo), hi + 0.03 * (hi - lo))
}

fn extent(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(*value), hi.max(*value)))
}

/// `+25% (+3% to +52%)`.
fn numbers(row: &IntervalRow, kind: Kind) -> String {
    let open = |end: f64| if end.is_nan() { "not known".to_owned() } else { kind.label(end) };
    match (row.est.is_nan(), row.lo.is_nan() && row.hi.is_nan()) {
        (true, true) => "not estimated".to_owned(),
        (true, false) => format!("{} to {}", open(row.lo), open(row.hi)),
        (false, true) => kind.label(row.est),
        (false, false) => format!("{} ({} to {})", kind.label(row.est), open(row.lo), open(row.hi)),
    }
}
