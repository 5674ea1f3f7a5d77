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

    /// How many draws.
    pub fn draws(&self) -> usize {
        self.streams.len()
    }

    /// Shape (draws, clusters).
    pub fn matrix(&self, codes: &[u64]) -> Matrix {
        let draws = self.streams.len();
        let mut matrix = Matrix::zeros(draws, codes.len());
        if draws == 0 {
            return matrix;
        }
        // A draw has 64 signs in a word, for 64 clusters in a row: columns are filled together, a word once.
        const TOGETHER: usize = 64;
        let fill = |(columns, codes): (&mut [f64], &[u64])| match self.law {
            Multiplier::Rademacher => {
                let (mut words, mut held) = (vec![0; draws], None);
                for (column, &code) in columns.chunks_mut(draws).zip(codes) {
                    if held != Some(code >> 6) {
                        held = Some(code >> 6);
                        words
                            .iter_mut()
                            .zip(&self.streams)
                            .for_each(|(w, stream)| *w = stream.bits(code >> 6));
                    }
                    for (v, word) in column.iter_mut().zip(&words) {
                        // The sign bit of -1 where the cluster's bit is 0.
                        let sign = !(word >> (code & 63)) << 63;
                        *v = f64::from_bits(1f64.to_bits() | sign);
                    }
                }
            }
            Multiplier::Mammen => {
                let root = 5f64.sqrt();
                let share = (root + 1.0) / (2.0 * root);
                for (column, &code) in columns.chunks_mut(draws).zip(codes) {
                    for (v, stream) in column.iter_mut().zip(&self.streams) {
                        let is_low = stream.uniform(code) < share;
                        *v = if is_low { 0.5 * (1.0 - root) } else { 0.5 * (1.0 + root) };
                    }
                }
            }
        };
        let together = draws * TOGETHER;
        matrix.data_mut().par_chunks_mut(together).zip(codes.par_chunks(TOGETHER)).for_each(fill);
        matrix
    }
}
