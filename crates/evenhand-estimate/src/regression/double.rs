//! Sums and products with an error term: about 32 digits where least squares needs its residuals exactly.

/// A number as the sum of a double and a smaller one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub fn add(&mut self, x: f64) {
        let sum = self.high + x;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (x - part);
        self.high = sum;
    }

    /// Adds `a * b` with the rounding of the product.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        self.low += product_error(a, b, product);
        self.add(product);
    }

    pub fn value(self) -> f64 {
        self.high + self.low
    }
}

/// `a * b - product`, exactly, by Dekker's splitting; a fused multiply-add would need the processor's consent.
fn product_error(a: f64, b: f64, product: f64) -> f64 {
    let split = |x: f64| {
        let scaled = 134_217_729.0 * x;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((a, a_low), (b, b_low)) = (split(a), split(b));
    let error = ((a * b - product) + a * b_low + a_low * b) + a_low * b_low;
    // Splitting overflows near the largest double; the product alone is then all there is.
    if error.is_finite() { error } else { 0.0 }
}

/// The sum of numbers.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut total = Double::default();
    values.for_each(|x| total.add(x));
    total.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_digits_come_back() {
        let mut total = Double::default();
        total.add(1.0);
        total.add_product(1e8 + 1.0, 1e8 + 1.0);
        total.add_product(-1e8, 1e8);
        total.add(-2e8);
        assert!((total.value() - 2.0).abs() < 1e-15);
        assert!((sum([1e16, 1.0, -1e16].into_iter()) - 1.0).abs() < 1e-15);
    }
}
