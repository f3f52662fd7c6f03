//! A sequence that knows sums over any prefix of it, and can be cut and joined in O(log n).
//!
//! A B-tree of shared nodes: a copy is O(1), so that a worker may measure a snapshot. All leaves
//! are at one depth; a node has at most [`WIDTH`] children. Cutting may leave thin nodes along
//! the cut, joining mends them.

use std::sync::Arc;

/// The most items in a leaf and the most children of a node.
const WIDTH: usize = 16;

/// What can be summed.
pub(super) trait Item: Clone {
    /// A sum over items.
    type Sum: Sum;
    /// What one item adds.
    fn sum(&self) -> Self::Sum;
}

/// A sum; `Default` is the sum over nothing.
pub(super) trait Sum: Copy + Default {
    /// This sum and what follows it.
    fn plus(self, next: Self) -> Self;
}

/// See the module.
#[derive(Clone)]
pub(super) struct SumTree<T: Item> {
    root: Option<Arc<Node<T>>>,
}

enum Body<T: Item> {
    Leaf(Vec<T>),
    Inner(Vec<Arc<Node<T>>>),
}

struct Node<T: Item> {
    body: Body<T>,
    sum: T::Sum,
    /// Items below.
    count: usize,
    /// 0 for a leaf.
    height: usize,
}

/// Where a search ended.
pub(super) struct Found<'t, T: Item> {
    /// The item's place in the sequence.
    pub index: usize,
    /// The sum over all items before it.
    pub before: T::Sum,
    /// The item.
    pub item: &'t T,
}

impl<T: Item> Node<T> {
    fn leaf(items: Vec<T>) -> Arc<Self> {
        let sum = items.iter().fold(T::Sum::default(), |sum, item| sum.plus(item.sum()));
        Arc::new(Node { count: items.len(), sum, height: 0, body: Body::Leaf(items) })
    }

    fn inner(children: Vec<Arc<Self>>) -> Arc<Self> {
        let sum = children.iter().fold(T::Sum::default(), |sum, child| sum.plus(child.sum));
        let count = children.iter().map(|child| child.count).sum();
        let height = children[0].height + 1;
        Arc::new(Node { count, sum, height, body: Body::Inner(children) })
    }

    fn children(&self) -> &[Arc<Self>] {
        match &self.body {
            Body::Inner(children) => children,
            Body::Leaf(_) => &[],
        }
    }
}

/// One node, or two of the same height.
fn pack<T: Item, C: Clone>(all: Vec<C>, make: fn(Vec<C>) -> Arc<Node<T>>) -> Vec<Arc<Node<T>>> {
    if all.len() <= WIDTH {
        return vec![make(all)];
    }
    let half = all.len() / 2;
    vec![make(all[..half].to_vec()), make(all[half..].to_vec())]
}

/// Joins two subtrees into one or two that are as high as the higher one.
fn join<T: Item>(a: &Arc<Node<T>>, b: &Arc<Node<T>>) -> Vec<Arc<Node<T>>> {
    if let (Body::Leaf(first), Body::Leaf(second)) = (&a.body, &b.body) {
        return pack([first.as_slice(), second].concat(), Node::leaf);
    }
    let (left, right) = (a.children(), b.children());
    let middle;
    let (left, right) = if a.height > b.height {
        let (last, rest) = left.split_last().expect("an inner node has children");
        middle = join(last, b);
        (rest, right.get(..0).unwrap_or(&[]))
    } else if a.height < b.height {
        let (first, rest) = right.split_first().expect("an inner node has children");
        middle = join(a, first);
        (left.get(..0).unwrap_or(&[]), rest)
    } else {
        let (last, before) = left.split_last().expect("an inner node has children");
        let (first, after) = right.split_first().expect("an inner node has children");
        middle = join(last, first);
        (before, after)
    };
    pack([left, &middle, right].concat(), Node::inner)
}

impl<T: Item> SumTree<T> {
    /// A sequence of items.
    pub fn new(items: impl IntoIterator<Item = T>) -> Self {
        let mut items = items.into_iter().peekable();
        let mut level = Vec::new();
        while items.peek().is_some() {
            level.push(Node::leaf(items.by_ref().take(WIDTH).collect()));
        }
        while level.len() > 1 {
            level = level.chunks(WIDTH).map(|children| Node::inner(children.to_vec())).collect();
        }
        SumTree { root: level.pop() }
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.root.as_ref().map_or(0, |root| root.count)
    }

    /// The sum over all items.
    pub fn sum(&self) -> T::Sum {
        self.root.as_ref().map_or(T::Sum::default(), |root| root.sum)
    }

    /// This sequence and another after it.
    pub fn join(&self, after: &SumTree<T>) -> SumTree<T> {
        let root = match (&self.root, &after.root) {
            (Some(a), Some(b)) => {
                let mut nodes = join(a, b);
                if nodes.len() > 1 { Some(Node::inner(nodes)) } else { nodes.pop() }
            }
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        SumTree { root }
    }

    /// The first `index` items, and the rest.
    pub fn cut(&self, index: usize) -> (SumTree<T>, SumTree<T>) {
        let Some(root) = &self.root else { return (self.clone(), self.clone()) };
        let (left, right) = cut(root, index.min(root.count));
        (SumTree { root: left.map(lower) }, SumTree { root: right.map(lower) })
    }

    /// The first item for which the sum up to and including it is `enough`.
    pub fn find(&self, mut enough: impl FnMut(T::Sum) -> bool) -> Option<Found<'_, T>> {
        let mut before = T::Sum::default();
        let mut index = 0;
        let mut node = self.root.as_deref().filter(|root| enough(root.sum))?;
        loop {
            match &node.body {
                Body::Leaf(items) => {
                    for item in items {
                        if enough(before.plus(item.sum())) {
                            return Some(Found { index, before, item });
                        }
                        before = before.plus(item.sum());
                        index += 1;
                    }
                    return None;
                }
                Body::Inner(children) => {
                    let mut inside = None;
                    for child in children {
                        if enough(before.plus(child.sum)) {
                            inside = Some(&**child);
                            break;
                        }
                        before = before.plus(child.sum);
                        index += child.count;
                    }
                    node = inside?;
                }
            }
        }
    }

    /// The item at a place.
    pub fn get(&self, index: usize) -> Option<&T> {
        let mut node = self.root.as_deref().filter(|root| index < root.count)?;
        let mut left = index;
        loop {
            match &node.body {
                Body::Leaf(items) => return items.get(left),
                Body::Inner(children) => {
                    node = children.iter().find(|child| {
                        let here = left < child.count;
                        left -= if here { 0 } else { child.count };
                        here
                    })?;
                }
            }
        }
    }
}

/// Drops roots that have one child only.
fn lower<T: Item>(mut node: Arc<Node<T>>) -> Arc<Node<T>> {
    while let [only] = node.children() {
        node = only.clone();
    }
    node
}

type Halves<T> = (Option<Arc<Node<T>>>, Option<Arc<Node<T>>>);

/// The items of a subtree before a place and from it on, each as high as the subtree.
fn cut<T: Item>(node: &Arc<Node<T>>, index: usize) -> Halves<T> {
    if index == 0 {
        return (None, Some(node.clone()));
    }
    if index == node.count {
        return (Some(node.clone()), None);
    }
    match &node.body {
        Body::Leaf(items) => {
            let (a, b) = items.split_at(index);
            (Some(Node::leaf(a.to_vec())), Some(Node::leaf(b.to_vec())))
        }
        Body::Inner(children) => {
            let mut left = index;
            let at = children.iter().position(|child| {
                let here = left < child.count;
                left -= if here { 0 } else { child.count };
                here
            });
            let at = at.expect("the index is within the node");
            let (a, b) = cut(&children[at], left);
            let before: Vec<_> = children[..at].iter().cloned().chain(a).collect();
            let after: Vec<_> = b.into_iter().chain(children[at + 1..].iter().cloned()).collect();
            let node = |all: Vec<_>| (!all.is_empty()).then(|| Node::inner(all));
            (node(before), node(after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    impl Item for usize {
        type Sum = usize;
        fn sum(&self) -> usize {
            *self
        }
    }

    impl Sum for usize {
        fn plus(self, next: usize) -> usize {
            self + next
        }
    }

    fn check(tree: &SumTree<usize>, model: &[usize]) {
        assert_eq!((tree.len(), tree.sum()), (model.len(), model.iter().sum()));
        let height = tree.root.as_ref().map_or(0, |root| root.height);
        assert!(height <= 8, "a tree of {} items is {height} high", model.len());
        let mut sum = 0;
        for (index, item) in model.iter().enumerate() {
            assert_eq!(tree.get(index), Some(item));
            let found = tree.find(|up_to| up_to > sum).unwrap();
            assert_eq!((found.index, found.before, *found.item), (index, sum, *item));
            sum += item;
        }
        assert!(tree.find(|up_to| up_to > sum).is_none());
    }

    #[test]
    fn cutting_and_joining_is_what_it_is_for_a_vector() {
        let mut random = Seeded::new(3);
        let mut model: Vec<usize> = (0..500).map(|_| 1 + random.below(9)).collect();
        let mut tree = SumTree::new(model.clone());
        for _ in 0..600 {
            let start = random.below(model.len() + 1);
            let end = (start + random.below(20)).min(model.len());
            let new: Vec<usize> = (0..random.below(20)).map(|_| 1 + random.below(9)).collect();
            let (left, rest) = tree.cut(start);
            let (_, right) = rest.cut(end - start);
            tree = left.join(&SumTree::new(new.clone())).join(&right);
            model.splice(start..end, new);
        }
        check(&tree, &model);
        check(&SumTree::new([]), &[]);
    }
}
