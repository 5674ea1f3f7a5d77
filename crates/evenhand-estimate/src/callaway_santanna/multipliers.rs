//! Multipliers of the bootstrap: one for each draw and cluster, a pure function of seed, draw and cluster.

use crate::Stream;
use evenhand_linalg::Matrix;
use rayon::prelude::*;

/// The law of the multipliers, all of mean 0 and variance 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Multiplier {
    /// 1 or -1 with even odds, as R `did`.
    #[default]
    Rademacher,
    /// Mammen's two points, whose third moment is 1.
    Mammen,
}

pub(super) struct Multipliers {
    streams: Vec<Stream>,
    law: Multiplier,
}

impl Multipliers {
    pub fn new(draws: usize, seed: u64, law: Multiplier) -> Self {
        Self { streams: (0..draws).map(|draw| Stream::new(seed, draw as u64)).collect(), law }
    }

    /// Shape (draws, clusters).
    pub fn matrix(&self, codes: &[u64]) -> Matrix {
        let draws = self.streams.len();
        let mut matrix = Matrix::zeros(draws, codes.len());
        if draws == 0 {
            return matrix;
        }
        matrix.data_mut().par_chunks_mut(draws).zip(codes).for_each(|(column, &code)| match self.law {
            Multiplier::Rademacher => {
                for (v, stream) in column.iter_mut().zip(&self.streams) {
                    *v = if stream.bits(code >> 6) >> (code & 63) & 1 == 0 { -1.0 } else { 1.0 };
                }
            }
            Multiplier::Mammen => {
                let root = 5f64.sqrt();
                let share = (root + 1.0) / (2.0 * root);
                for (v, stream) in column.iter_mut().zip(&self.streams) {
                    *v = if stream.uniform(code) < share { 0.5 * (1.0 - root) } else { 0.5 * (1.0 + root) };
                }
            }
        });
        matrix
    }
}
