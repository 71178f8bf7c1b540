//! Many short pieces of bytes, end to end.

/// Bytes end to end, in blocks: what grows by doubling would hold everything twice while it is copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed(Vec<Vec<u8>>);

/// Where bytes begin: the block, and the place in it. In the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    block: u32,
    start: u32,
}

impl Packed {
    /// Bytes of a block.
    const BLOCK: usize = 1 << 20;

    /// Adds pieces that stay side by side.
    pub(super) fn add(&mut self, pieces: &[&[u8]]) -> Spot {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if self.0.last().is_none_or(|block| block.capacity() - block.len() < length) {
            self.0.push(Vec::with_capacity(length.max(Self::BLOCK)));
        }
        let block = self.0.len() - 1;
        let last = &mut self.0[block];
        // A row is bounded by its fields' limits, and four billion blocks are more than memory has.
        let spot = Spot { block: u32::try_from(block).unwrap_or(u32::MAX), start: u32::try_from(last.len()).unwrap_or(u32::MAX) };
        for piece in pieces {
            last.extend_from_slice(piece);
        }
        spot
    }

    pub(super) fn get(&self, spot: Spot, length: usize) -> Option<&[u8]> {
        let (block, start) = (usize::try_from(spot.block).ok()?, usize::try_from(spot.start).ok()?);
        self.0.get(block)?.get(start..start + length)
    }
}
