//! A fixed vector of leaves in two levels of shared nodes.

use std::sync::Arc;

const FAN_BITS: u32 = 7;
const FAN: usize = 1 << FAN_BITS;

/// Bits of a slot number.
pub const SLOT_BITS: u32 = 2 * FAN_BITS;

/// Number of leaves.
pub const SLOTS: usize = 1 << SLOT_BITS;

type Node<L> = Arc<[Arc<L>]>;

/// [`SLOTS`] leaves. A clone shares all of them; a change copies one leaf and two nodes of 1 KiB.
#[derive(Debug)]
pub struct Spine<L> {
    root: Arc<[Node<L>]>,
}

impl<L> Clone for Spine<L> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root) }
    }
}

impl<L: Clone + Default> Default for Spine<L> {
    fn default() -> Self {
        let leaf = Arc::new(L::default());
        let node: Node<L> = (0..FAN).map(|_| Arc::clone(&leaf)).collect();
        Self { root: (0..FAN).map(|_| Arc::clone(&node)).collect() }
    }
}

impl<L: Clone> Spine<L> {
    /// Builds a spine of exactly [`SLOTS`] leaves, asking for each in turn.
    pub fn build(mut leaf: impl FnMut(usize) -> Arc<L>) -> Self {
        let root = (0..FAN).map(|high| (0..FAN).map(|low| leaf(high << FAN_BITS | low)).collect());
        Self { root: root.collect() }
    }

    /// The leaf at `slot`; slots beyond [`SLOTS`] wrap around.
    #[must_use]
    pub fn leaf(&self, slot: usize) -> &Arc<L> {
        &self.root[(slot >> FAN_BITS) & (FAN - 1)][slot & (FAN - 1)]
    }

    /// The leaf at `slot`, made this spine's own.
    pub fn leaf_mut(&mut self, slot: usize) -> &mut L {
        let node = &mut Arc::make_mut(&mut self.root)[(slot >> FAN_BITS) & (FAN - 1)];
        Arc::make_mut(&mut Arc::make_mut(node)[slot & (FAN - 1)])
    }

    /// Puts another leaf at `slot`.
    pub fn set_leaf(&mut self, slot: usize, leaf: Arc<L>) {
        let node = &mut Arc::make_mut(&mut self.root)[(slot >> FAN_BITS) & (FAN - 1)];
        Arc::make_mut(node)[slot & (FAN - 1)] = leaf;
    }

    /// Every leaf, in the order of slots.
    pub fn leaves(&self) -> impl Iterator<Item = &Arc<L>> {
        self.root.iter().flat_map(|node| node.iter())
    }
}
