//! A specification curve: every reasonable way of running a test, sorted by its estimate, over the choices
//! that each made.

use super::Width;
use super::canvas::{Anchor, Canvas, Path};
use super::scale::Scale;
use super::text;
use super::unit::{self, Kind};
use evenhand_verdict::{Multiverse, Specification};

const CURVE: f64 = 150.0;

/// Draws the curve and the matrix of choices under it.
pub fn draw(multiverse: &Multiverse, reference: f64, unit: &str, width: Width) -> Canvas {
    let mut canvas = Canvas::default();
    let kind = Kind::of(unit);
    let mut sorted: Vec<&Specification> =
        multiverse.specifications.iter().filter(|spec| spec.est.is_finite()).collect();
    sorted.sort_by(|a, b| a.est.total_cmp(&b.est));
    // On a phone the names of options stand above their rows.
    let above = width == Width::Narrow;
    let names =
        multiverse.axes.iter().flat_map(|(_, options)| options).map(|name| text::width(name, 12.0, false));
    let left = if above { 44.0 } else { (names.fold(60.0, f64::max) + 14.0).min(260.0) };
    let right = width.units() - 6.0;
    let slot = (right - left) / sorted.len().max(1) as f64;
    let x = |at: usize| left + slot * (at as f64 + 0.5);

    canvas.text("ut", 0.0, 11.0, Anchor::Start, &unit::title(unit));
    let (top, bottom) = (24.0, 24.0 + CURVE);
    let y = Scale::new(domain(&sorted, reference), (bottom, top));
    for (value, label) in kind.ticks(y.domain().0, y.domain().1, 4) {
        canvas.line("grid", (left, y.at(value)), (right, y.at(value)));
        canvas.text("ax", left - 6.0, y.at(value) + 4.0, Anchor::End, &label);
    }
    curve(&sorted, &x, slot, &y, &mut canvas);
    let (least, most) = y.domain();
    if sorted.iter().any(|spec| spec.lo < least || spec.hi > most) {
        let words = "bars that reach the edge go on beyond it";
        canvas.text(
            "ax",
            width.units(),
            11.0,
            Anchor::End,
            if above { "bars at the edge go on" } else { words },
        );
    }
    canvas.line("ref", (left, y.held(reference)), (right, y.held(reference)));
    if let Some(at) = sorted.iter().position(|spec| spec.primary) {
        primary(sorted[at], x(at), (left, right), &y, &mut canvas);
    }
    canvas.height = matrix(multiverse, &sorted, &x, (left, bottom + 14.0), above, width, &mut canvas);
    canvas
}

/// Intervals as bars, estimates as a line. A bar that reaches the edge goes on beyond it.
fn curve(sorted: &[&Specification], x: &impl Fn(usize) -> f64, slot: f64, y: &Scale, canvas: &mut Canvas) {
    let end = |value: f64, est: f64| if value.is_nan() { est } else { value };
    let mut bars = Path::default();
    let mut line = Path::default();
    for (at, spec) in sorted.iter().enumerate() {
        bars.move_to(x(at), y.held(end(spec.hi, spec.est)));
        bars.line_to(x(at), y.held(end(spec.lo, spec.est)));
        if at == 0 { line.move_to(x(at), y.held(spec.est)) } else { line.line_to(x(at), y.held(spec.est)) }
    }
    canvas.stroke("iv", &bars, (slot * 0.62).clamp(1.0, 8.0));
    canvas.path("ln1", &line);
}

fn primary(spec: &Specification, x: f64, (left, right): (f64, f64), y: &Scale, canvas: &mut Canvas) {
    let label = "fixed before the run";
    let at = y.held(spec.est);
    canvas.dot("pri", x, at, 5.5);
    let half = text::width(label, text::SIZE, true) / 2.0;
    let (top, bottom) = (y.range().1, y.range().0);
    let below = at + 22.0;
    let words = if below < bottom - 2.0 { below } else { (at - 12.0).max(top + 10.0) };
    canvas.text("ml em", x.clamp(left + half, right - half), words, Anchor::Middle, label);
}

/// One row an option, one stroke a specification that chose it, and the outcomes last; returns the end.
fn matrix(
    multiverse: &Multiverse,
    sorted: &[&Specification],
    x: &impl Fn(usize) -> f64,
    (left, start): (f64, f64),
    above: bool,
    width: Width,
    canvas: &mut Canvas,
) -> f64 {
    let mut y = start;
    let heading = |name: &str, share: Option<f64>, y: f64, canvas: &mut Canvas| {
        canvas.line("sep", (0.0, y), (width.units(), y));
        canvas.text(
            "b",
            0.0,
            y + 15.0,
            Anchor::Start,
            &text::fit(name, text::SIZE, true, width.units() * 0.6),
        );
        if let Some(share) = share.filter(|share| share.is_finite()) {
            let words = format!("{:.0}% of the variation", 100.0 * share);
            canvas.text("ax", width.units(), y + 15.0, Anchor::End, &words);
        }
        y + 21.0
    };
    let row =
        |label: &str, class: &str, chosen: &dyn Fn(&Specification) -> bool, y: f64, canvas: &mut Canvas| {
            let (words, strokes, next) =
                if above { (y + 12.0, y + 15.0, y + 33.0) } else { (y + 11.0, y + 2.0, y + 16.0) };
            let room = if above { width.units() } else { left - 10.0 };
            canvas.text("", 0.0, words, Anchor::Start, &text::fit(label, text::SIZE, false, room));
            let mut path = Path::default();
            let mut main = Path::default();
            for (at, spec) in sorted.iter().enumerate().filter(|(_, spec)| chosen(spec)) {
                let target = if spec.primary { &mut main } else { &mut path };
                target.move_to(x(at), strokes);
                target.line_to(x(at), strokes + 9.0);
            }
            canvas.path(class, &path);
            canvas.path("sp em", &main);
            next
        };
    for (axis, (name, options)) in multiverse.axes.iter().enumerate() {
        y = heading(name, multiverse.variance_by_axis.get(axis).copied(), y, canvas);
        for (option, label) in options.iter().enumerate() {
            y = row(label, "sp", &|spec| spec.options.get(axis) == Some(&option), y, canvas);
        }
        y += 5.0;
    }
    y = heading("Outcome by the rule", None, y, canvas);
    for (letter, label) in [('S', "supports"), ('C', "contradicts"), ('U', "undecided")] {
        y = row(label, "sp", &|spec| spec.outcome == letter, y, canvas);
    }
    if sorted.iter().any(|spec| spec.weight <= 0.0) {
        y = row("shown, not counted", "sp str", &|spec| spec.weight <= 0.0, y, canvas);
    }
    y + 4.0
}

/// Estimates in full; intervals as far as they leave the curve readable.
fn domain(sorted: &[&Specification], reference: f64) -> (f64, f64) {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)))
    };
    let (lo, hi) = ends(&mut sorted.iter().map(|spec| spec.est).chain([reference]));
    let room = hi - lo;
    let held = |value: f64| value.clamp(lo - room, hi + room);
    let (lo, hi) = ends(&mut sorted.iter().flat_map(|spec| [held(spec.lo), held(spec.hi)]).chain([lo, hi]));
    let margin = 0.04 * (hi - lo);
    (lo - margin, hi + margin)
}
