//! Dated marks over a time axis: shaded spans, lines, and labels in rows that do not touch.

use super::canvas::{Anchor, Canvas};
use super::text;
use super::time::Axis;
use evenhand_verdict::Mark;

/// Height of a row of labels.
const ROW: f64 = 16.0;

/// Marks with their places, before anything is drawn.
pub struct Placed<'a> {
    items: Vec<Item<'a>>,
    /// Rows of labels that are needed.
    pub rows: usize,
}

struct Item<'a> {
    mark: &'a Mark,
    /// Where it begins, and where a span ends.
    x: f64,
    end: Option<f64>,
    label: String,
    row: usize,
    /// Where the label begins and ends.
    from: f64,
    to: f64,
}

impl<'a> Placed<'a> {
    /// The marks that fall inside the axis, labelled inside `left..right`.
    pub fn new(marks: &'a [Mark], axis: &Axis, left: f64, right: f64) -> Self {
        let mut items: Vec<Item<'a>> =
            marks.iter().filter_map(|mark| Item::new(mark, axis, left, right)).collect();
        items.sort_by(|a, b| a.x.total_cmp(&b.x));
        // A label goes below every earlier one that it would touch, and below every label that its own line
        // would cross: lines run down from their label.
        for at in 0..items.len() {
            let (from, to) = items[at].extent();
            let below = items[..at]
                .iter()
                .filter(|other| other.extent().1 > from && other.extent().0 < to)
                .map(|o| o.row);
            items[at].row = below.max().map_or(0, |row| row + 1);
        }
        let rows = items.iter().map(|item| item.row + 1).max().unwrap_or(0);
        Self { items, rows }
    }

    /// Height of the rows of labels.
    pub fn height(&self) -> f64 {
        self.rows as f64 * ROW
    }

    /// Shading of spans; goes under the data.
    pub fn draw_spans(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        for item in &self.items {
            if let Some(end) = item.end {
                let class = if item.mark.emphasis { "span em" } else { "span" };
                canvas.rect(class, item.x, top, end - item.x, bottom - top);
            }
        }
    }

    /// Lines from each label down to `bottom`, and the labels; goes over the data. Labels start at `top`.
    pub fn draw_lines(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        for item in &self.items {
            // A line begins beside its label, or below it where the label lies across.
            let y = top + item.row as f64 * ROW + if item.lies_across() { 14.0 } else { 0.0 };
            let class = if item.mark.emphasis { "mark em" } else { "mark" };
            canvas.line(class, (item.x, y), (item.x, bottom));
        }
        for item in &self.items {
            let y = top + item.row as f64 * ROW + 11.0;
            let (x, anchor) =
                if item.to <= item.x { (item.to, Anchor::End) } else { (item.from, Anchor::Start) };
            canvas.text(if item.mark.emphasis { "ml em" } else { "ml" }, x, y, anchor, &item.label);
        }
    }
}

impl<'a> Item<'a> {
    fn new(mark: &'a Mark, axis: &Axis, left: f64, right: f64) -> Option<Self> {
        let (x, end) = match &mark.end {
            Some(end) => {
                let (from, to) = axis.span(&mark.start, end)?;
                (from, Some(to.max(from + 2.0)))
            }
            None => (axis.day(&mark.start)?, None),
        };
        let label = text::fit(&mark.label, text::SIZE, mark.emphasis, right - left);
        let size = text::width(&label, text::SIZE, mark.emphasis);
        // To the right of its line, else to the left, else across it.
        let from = if x + 4.0 + size <= right {
            x + 4.0
        } else if x - 4.0 - size >= left {
            x - 4.0 - size
        } else {
            right - size
        };
        Some(Self { mark, x, end, label, row: 0, from, to: from + size })
    }

    fn lies_across(&self) -> bool {
        self.from < self.x && self.x < self.to
    }

    /// What the label and its line take up.
    fn extent(&self) -> (f64, f64) {
        (self.from.min(self.x) - 1.0, self.to.max(self.x) + 6.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: &str, label: &str) -> Mark {
        Mark { start: start.to_owned(), end: None, label: label.to_owned(), emphasis: false }
    }

    #[test]
    fn a_long_label_finds_room_on_the_left_or_across() {
        let periods = ["2017-01-01", "2017-12-31"].map(str::to_owned);
        let axis = Axis::new(&periods, (0.0, 364.0));
        let marks = [mark("2017-11-01", "a label of some length"), mark("2017-06-20", &"long ".repeat(12))];
        let placed = Placed::new(&marks, &axis, 0.0, 364.0);
        assert!(placed.items[0].lies_across() && placed.items[0].to <= 364.0);
        assert!(placed.items[1].to < placed.items[1].x && placed.items[1].from >= 0.0);
    }

    #[test]
    fn labels_that_would_touch_go_down_a_row() {
        let periods = ["2017-01-01", "2017-12-31"].map(str::to_owned);
        let axis = Axis::new(&periods, (0.0, 364.0));
        let marks = [
            mark("2017-01-20", "policy announced"),
            mark("2017-02-01", "policy in force"),
            mark("2017-09-25", "policy ends here"),
            mark("2020-01-01", "outside"),
        ];
        let placed = Placed::new(&marks, &axis, 0.0, 364.0);
        let rows: Vec<usize> = placed.items.iter().map(|item| item.row).collect();
        assert_eq!(rows, [0, 1, 0]);
        assert_eq!(placed.rows, 2);
        assert!(placed.items[0].from > placed.items[0].x);
    }
}
