//! Parsing what stands in other languages within a text.
//!
//! Pieces are looked for where the tree around them changed; elsewhere those from before stay. So
//! a key costs what it touches, not what the text holds.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tree_sitter::Parser;

use crate::injection::{self, Injection, MAX_GAP};
use crate::layers::Layers;
use crate::parse::{ParseStop, Pass, Reuse, Watch, merged};
use crate::rope_text::LayerText;
use crate::tree::{Layer, LayerTree, SyntaxTree};

/// How many pieces of other languages are parsed in one text.
const MAX_LAYERS: usize = 50_000;
/// In a larger text, in bytes, pieces are looked for once its own language is coloured: finding
/// and parsing them may take longer than that did.
const AT_ONCE: usize = 256 << 10;
/// The largest piece that is parsed, in bytes.
const MAX_PIECE: usize = 4 << 20;
/// Up to this size, in bytes, an injected piece is always parsed from nothing.
pub(crate) const FROM_NOTHING_PIECE: usize = 16 << 10;
/// How long one injected piece may take, by the clock.
const PIECE_BUDGET: Duration = Duration::from_millis(500);
/// How long pieces may be searched for, by the clock: more than any text needs that is not one
/// large error.
const SEARCH_BUDGET: Duration = Duration::from_secs(3);
/// How far up from what changed injection queries look: from a key of YAML to its pair.
const PIECE_ANCESTORS: u8 = 4;
/// How deep languages may stand within each other.
const MAX_DEPTH: u8 = 4;

/// Where in a layer pieces are looked for.
enum Search {
    /// Nowhere: it is the layer from before.
    Nothing,
    /// In these bytes of the whole text, in order.
    Parts(Vec<Range<usize>>),
    Everything,
}

/// The layers from before.
struct Before {
    layers: Vec<Layer>,
    by_place: HashMap<(usize, u8), usize>,
    used: HashSet<usize>,
}

impl Before {
    fn new(tree: Option<&SyntaxTree>) -> Self {
        let layers: Vec<Layer> = tree.map_or(vec![], |tree| tree.layers.iter().collect());
        let by_place = layers.iter().enumerate().skip(1);
        let by_place = by_place.map(|(at, layer)| ((layer.start, layer.depth), at)).collect();
        Before { layers, by_place, used: HashSet::new() }
    }

    /// The layer of a language that began at a place.
    fn take(&mut self, found: &Injection, depth: u8) -> Option<&Layer> {
        let index = *self.by_place.get(&(found.start, depth))?;
        let layer = Some(&self.layers[index]);
        let layer = layer.filter(|it| it.parsed.language == found.language)?;
        self.used.insert(index);
        Some(layer)
    }

    /// The layers of a depth that begin within a range.
    fn within(&self, range: Range<usize>, depth: u8) -> Range<usize> {
        let first = |place: usize| {
            self.layers.partition_point(|layer| (layer.depth, layer.start) < (depth, place))
        };
        first(range.start)..first(range.end)
    }

    /// Lets every part reach over the layers that it may touch: several nodes may make one piece,
    /// and are found together or not at all.
    fn widen(&self, parts: Vec<Range<usize>>, outer: &Layer) -> Vec<Range<usize>> {
        let inner = &self.layers[self.within(outer.range(), outer.depth + 1)];
        let mut parts = merged(parts);
        for part in &mut parts {
            let first = inner.partition_point(|layer| layer.end + MAX_GAP < part.start);
            let touching =
                inner[first..].iter().take_while(|layer| layer.start <= part.end + MAX_GAP);
            let hull = touching.fold(part.clone(), |hull, layer| {
                hull.start.min(layer.start)..hull.end.max(layer.end)
            });
            *part = hull;
        }
        merged(parts)
    }
}

impl Pass<'_> {
    /// Parses what stands in other languages, as far as it is not what it was.
    pub(crate) fn inject(
        &mut self,
        parser: &mut Parser,
        tree: &mut SyntaxTree,
    ) -> Result<(), ParseStop> {
        let mut before = Before::new(self.old);
        let mut layers = vec![tree.layers.own().clone()];
        let is_large = layers[0].range().len() > AT_ONCE;
        let search = match (&self.job.old, self.old) {
            (Reuse::Parts(_) | Reuse::Compare(_), Some(old)) => {
                tree.is_whole = old.is_whole;
                let changed = merged(self.changed.clone()).into_iter();
                let wide = changed.map(|range| tree.widened(&range, PIECE_ANCESTORS));
                let parts = before.widen(wide.collect(), &layers[0]);
                if parts.iter().map(Range::len).sum::<usize>() > AT_ONCE {
                    // Most of it looks as before: the text's own colours do not wait for it.
                    tree.is_whole = false;
                    Search::Nothing
                } else {
                    Search::Parts(parts)
                }
            }
            (Reuse::Nothing, _) if is_large => {
                tree.is_whole = false;
                Search::Nothing
            }
            _ => Search::Everything,
        };
        let (watch, begun) = (self.watch, Instant::now());
        let goes_on = || watch.check().is_ok() && begun.elapsed() < SEARCH_BUDGET;
        let mut searches = vec![search];
        let mut next = 0;
        while next < layers.len() {
            self.watch.check()?;
            let outer = layers[next].clone();
            let search = std::mem::replace(&mut searches[next], Search::Nothing);
            next += 1;
            if outer.depth >= MAX_DEPTH {
                continue;
            }
            let depth = outer.depth + 1;
            keep(&mut before, &outer, &search, &mut layers, &mut searches);
            let parts = match &search {
                Search::Nothing => continue,
                Search::Everything => &[outer.range()][..],
                Search::Parts(parts) => parts,
            };
            let found = injection::find(&outer, &self.job.rope, parts, &goes_on);
            self.watch.check()?;
            for found in found {
                if layers.len() > MAX_LAYERS {
                    tree.left_out += 1;
                    continue;
                }
                let known = before.take(&found, depth);
                match self.layer(parser, found, depth, known)? {
                    Some((layer, search)) => {
                        layers.push(layer);
                        searches.push(search);
                    }
                    None => tree.left_out += 1,
                }
            }
        }
        let gone = before.layers.iter().enumerate().skip(1);
        let gone = gone.filter(|(index, _)| !before.used.contains(index));
        self.changed.extend(gone.map(|(_, layer)| layer.range()));
        tree.layers = Layers::new(layers);
        Ok(())
    }

    /// One layer: the one from before if nothing in it changed. `None` where its grammar does
    /// not work, or where it takes so long that the text around it is worth more.
    fn layer(
        &mut self,
        parser: &mut Parser,
        found: Injection,
        depth: u8,
        before: Option<&Layer>,
    ) -> Result<Option<(Layer, Search)>, ParseStop> {
        let Injection { language, start, end, ranges, suffix } = found;
        if let Some(same) = before
            && !same.touched
            && same.end == end
            && same.parsed.ranges == ranges
        {
            return Ok(Some((same.clone(), Search::Nothing)));
        }
        self.watch.check()?;
        let piece = Watch { begun: Instant::now(), budget: PIECE_BUDGET, ..self.watch };
        let Some(grammar) = language.grammar().ok().filter(|_| end - start <= MAX_PIECE) else {
            return Ok(None);
        };
        parser
            .set_language(&grammar.tables)
            .expect("a grammar that compiled is one the parser takes");
        parser.set_included_ranges(&ranges).expect("the ranges between children come in order");
        let text = LayerText::new(&self.job.rope, start..end).with_suffix(suffix);
        let gone = before.map(Layer::range);
        let before = before.filter(|_| ranges.is_empty() && end - start > FROM_NOTHING_PIECE);
        let old = before.map(|layer| &layer.parsed.tree);
        let tree = piece.parse(parser, &text, old);
        parser.set_included_ranges(&[]).expect("no ranges are in order");
        let tree = match tree {
            Err(ParseStop::OutOfTime { .. }) => return Ok(None),
            tree => tree?,
        };
        match old {
            Some(old) => self.changed.extend(
                old.changed_ranges(&tree).map(|it| start + it.start_byte..start + it.end_byte),
            ),
            None => self.changed.extend([Some(start..end), gone].into_iter().flatten()),
        }
        let parsed = Arc::new(LayerTree { language, grammar, tree, ranges });
        Ok(Some((Layer { start, end, depth, touched: false, parsed }, Search::Everything)))
    }
}

/// Takes over the pieces of a layer from before that are not looked for again.
fn keep(
    before: &mut Before,
    outer: &Layer,
    search: &Search,
    layers: &mut Vec<Layer>,
    searches: &mut Vec<Search>,
) {
    let parts: &[Range<usize>] = match search {
        Search::Everything => return,
        Search::Nothing => &[],
        Search::Parts(parts) => parts,
    };
    for index in before.within(outer.range(), outer.depth + 1) {
        let layer = &before.layers[index];
        let first = parts.partition_point(|part| part.end < layer.start);
        let is_searched = parts.get(first).is_some_and(|part| part.start <= layer.end);
        if !is_searched && !layer.touched {
            before.used.insert(index);
            layers.push(layer.clone());
            searches.push(Search::Nothing);
        }
    }
}
