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
    /// Whether the label stands to the left of its line, for want of room.
    leftward: bool,
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
            let y = top + item.row as f64 * ROW;
            let class = if item.mark.emphasis { "mark em" } else { "mark" };
            canvas.line(class, (item.x, y), (item.x, bottom));
        }
        for item in &self.items {
            let y = top + item.row as f64 * ROW + 11.0;
            let (x, anchor) =
                if item.leftward { (item.x - 4.0, Anchor::End) } else { (item.x + 4.0, Anchor::Start) };
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
        let size = text::width(&mark.label, text::SIZE, mark.emphasis);
        let (room_right, room_left) = (right - x - 4.0, x - left - 4.0);
        let leftward = size > room_right && room_left > room_right;
        let label =
            text::fit(&mark.label, text::SIZE, mark.emphasis, if leftward { room_left } else { room_right });
        Some(Self { mark, x, end, label, row: 0, leftward })
    }

    /// What the label and its line take up.
    fn extent(&self) -> (f64, f64) {
        let size = text::width(&self.label, text::SIZE, self.mark.emphasis) + 10.0;
        if self.leftward { (self.x - size, self.x + 1.0) } else { (self.x - 1.0, self.x + size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: &str, label: &str) -> Mark {
        Mark { start: start.to_owned(), end: None, label: label.to_owned(), emphasis: false }
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
        assert!(!placed.items[0].leftward);
        assert_eq!(placed.rows, 2);
    }
}
