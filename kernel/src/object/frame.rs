//! One sealed frame of a pack, and the secrets that it is made with.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | the marker `f5 'h' 'o' 1`, its last byte being the version |
//! | 4 | 4 | length of the sealed body |
//! | 8 | 8 | sequence: of two frames that say different things, the higher one holds |
//! | 16 | 1 | kind; then three zeros |
//! | 20 | 32 | id: a keyed hash, or of a commit the hash of its group |
//! | 52 | 8 | BLAKE3 of the 52 bytes before, cut to 8 bytes |
//! | 60 | | the sealed body |
//!
//! Numbers are little-endian. The store and bytes 8 to 52 are the seal's associated data, so a
//! body opens only under the id, kind and sequence that it was sealed with. Sealed is one byte that
//! says how the rest is compressed, the length before that (4 bytes), and the content.

use std::ops::Range;

use zeroize::Zeroizing;

use super::chunker::Gear;
use super::{ObjectError, ObjectId, Root};
use crate::keys::{KeyError, Opener, SEAL_OVERHEAD_MAX, Sealer, Unlocked};

/// Bytes before the body.
pub(super) const HEAD: usize = 60;
/// The longest content of a frame, in bytes.
pub(super) const CONTENT_BYTES_MAX: usize = 4 * 1024 * 1024;

const MARKER: [u8; 4] = [0xf5, b'h', b'o', 1];
const BODY_BYTES_MAX: usize = 5 + CONTENT_BYTES_MAX + SEAL_OVERHEAD_MAX;
/// So that no arithmetic on a number that was read can overflow.
const SEQUENCE_MAX: u64 = 1 << 62;
/// What the seal is bound to.
const BOUND: Range<usize> = 8..52;
const PURPOSE: &str = "hearth 2026-11 objects";
const AS_IT_IS: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_LEVEL: i32 = 3;

/// The name of a frame on the disk: it tells nothing about the content without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FrameId(pub(super) [u8; 32]);

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A piece of an object.
    Chunk = 1,
    /// A part of a long object's list of chunks.
    Node = 2,
    /// An object: its hash, its length and its chunks or nodes.
    Manifest = 3,
    /// That a root holds an object, or holds none any more.
    Root = 4,
    /// How an object stands with the sweep and the tiers.
    Standing = 5,
    /// What a pack of the other tier holds.
    Away = 6,
    /// Which packs there are, and that facts before it are void.
    Checkpoint = 7,
    /// The end of a group, which is there whole or not at all.
    Commit = 8,
}

impl Kind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        let all = [
            Self::Chunk,
            Self::Node,
            Self::Manifest,
            Self::Root,
            Self::Standing,
            Self::Away,
            Self::Checkpoint,
            Self::Commit,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether the index leads to it; the others are facts, kept in memory.
    pub(super) fn is_indexed(self) -> bool {
        matches!(self, Self::Chunk | Self::Node | Self::Manifest)
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) id: FrameId,
    pub(super) sequence: u64,
    pub(super) body_bytes: usize,
}

impl Head {
    /// The head at the start of `bytes`, if an undamaged one is there.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD] = bytes.first_chunk()?;
        if head[..4] != MARKER || head[52..] != sum(&head[..52]) {
            return None;
        }
        let body_bytes = u32::from_le_bytes(*head[4..].first_chunk()?) as usize;
        let sequence = u64::from_le_bytes(*head[8..].first_chunk()?);
        let kind = Kind::of(head[16])?;
        let id = FrameId(*head[20..].first_chunk()?);
        let is_sane = body_bytes <= BODY_BYTES_MAX && sequence <= SEQUENCE_MAX;
        is_sane.then_some(Self { kind, id, sequence, body_bytes })
    }

    /// Head and body.
    pub(super) fn frame_bytes(&self) -> usize {
        HEAD + self.body_bytes
    }
}

/// Where the next undamaged head in `bytes` is, from `from` on.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(step) = bytes.get(at..)?.iter().position(|&byte| byte == MARKER[0]) {
        at += step;
        if Head::decode(&bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The first 8 bytes of the BLAKE3 hash: against accidents; the seal is against people.
pub(super) fn sum(bytes: &[u8]) -> [u8; 8] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

/// What one store seals, opens, names and cuts with.
pub(super) struct Secrets {
    pub(super) gear: Gear,
    sealer: Sealer,
    opener: Opener,
    /// Under it everything is named; domains keep the names apart.
    naming: Zeroizing<[u8; 32]>,
    /// Which store it is, in every seal.
    store: [u8; 32],
}

impl Secrets {
    /// Those of the store that this profile calls `name`.
    pub(super) fn new(profile: &Unlocked, name: &str) -> Self {
        let master = profile.derive(PURPOSE);
        let of = |domain: &str| {
            let mut hasher = blake3::Hasher::new_keyed(&master);
            hasher.update(domain.as_bytes()).update(&[0]).update(name.as_bytes());
            *hasher.finalize().as_bytes()
        };
        Self {
            gear: Gear::new(&Zeroizing::new(of("cuts"))),
            sealer: profile.sealer(PURPOSE),
            opener: profile.opener(PURPOSE),
            naming: Zeroizing::new(of("names")),
            store: of("store"),
        }
    }

    fn name(&self, domain: &[u8], bytes: &[u8]) -> FrameId {
        let mut hasher = blake3::Hasher::new_keyed(&self.naming);
        hasher.update(domain).update(bytes);
        FrameId(*hasher.finalize().as_bytes())
    }

    pub(super) fn chunk_id(&self, content: &[u8]) -> FrameId {
        self.name(b"chunk\0", content)
    }

    pub(super) fn node_id(&self, content: &[u8]) -> FrameId {
        self.name(b"node\0", content)
    }

    pub(super) fn object_id(&self, object: ObjectId) -> FrameId {
        self.name(b"object\0", &object.0)
    }

    pub(super) fn root_id(&self, root: &Root) -> FrameId {
        let mut bytes = Vec::new();
        super::bytes::put_text(&root.holder, &mut bytes);
        bytes.extend_from_slice(root.key.as_bytes());
        self.name(b"root\0", &bytes)
    }

    /// Tells a changed byte of a file that is ours and not sealed.
    pub(super) fn authenticate(&self, domain: &[u8], bytes: &[u8]) -> [u8; 32] {
        self.name(domain, bytes).0
    }

    /// A name for the store that the other tier may see.
    pub(super) fn public_name(&self) -> String {
        super::hex(&self.name(b"public\0", &self.store).0[..16])
    }

    fn about(&self, bound: &[u8]) -> Vec<u8> {
        [b"object".as_slice(), &self.store, bound].concat()
    }

    /// Appends a frame to `out`; on an error `out` is as it was.
    pub(super) fn encode(
        &self,
        kind: Kind,
        id: FrameId,
        sequence: u64,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), KeyError> {
        assert!(content.len() <= CONTENT_BYTES_MAX, "what is longer is cut before it comes here");
        let start = out.len();
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MARKER);
        head[8..16].copy_from_slice(&sequence.to_le_bytes());
        head[16] = kind as u8;
        head[20..52].copy_from_slice(&id.0);
        out.extend_from_slice(&head);
        if let Err(error) = self.sealer.seal(&self.about(&head[BOUND]), &pack(content), out) {
            out.truncate(start);
            return Err(error);
        }
        let body_bytes = u32::try_from(out.len() - start - HEAD).expect("the content is limited");
        head[4..8].copy_from_slice(&body_bytes.to_le_bytes());
        let head_sum = sum(&head[..52]);
        head[52..].copy_from_slice(&head_sum);
        out[start..start + HEAD].copy_from_slice(&head);
        Ok(())
    }

    /// The content of the frame that `bytes` is, from first to last byte; `None` for any other.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<(Head, Zeroizing<Vec<u8>>)> {
        let head = Head::decode(bytes)?;
        let body = (bytes.len() == head.frame_bytes()).then(|| &bytes[HEAD..])?;
        let packed = self.opener.open(&self.about(&bytes[BOUND]), body)?;
        Some((head, unpack(packed)?))
    }
}

/// Compressed if that is worth the work of undoing it.
fn pack(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = u32::try_from(content.len()).expect("the content is limited").to_le_bytes();
    let mut out = Zeroizing::new(Vec::with_capacity(5 + content.len()));
    // What cannot be compressed, for want of memory or of redundancy, is kept as it is.
    if let Ok(small) = zstd::bulk::compress(content, ZSTD_LEVEL)
        && small.len() < content.len() / 16 * 15
    {
        out.push(ZSTD);
        out.extend_from_slice(&len);
        out.extend_from_slice(&small);
        return out;
    }
    out.push(AS_IT_IS);
    out.extend_from_slice(&len);
    out.extend_from_slice(content);
    out
}

fn unpack(mut packed: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let how = *packed.first()?;
    let len = u32::from_le_bytes(*packed.get(1..)?.first_chunk()?) as usize;
    if len > CONTENT_BYTES_MAX {
        return None;
    }
    let content = match how {
        AS_IT_IS => {
            packed.drain(..5);
            packed
        }
        ZSTD => Zeroizing::new(zstd::bulk::decompress(&packed[5..], len).ok()?),
        _ => return None,
    };
    (content.len() == len).then_some(content)
}

impl From<KeyError> for ObjectError {
    fn from(error: KeyError) -> Self {
        Self::Seal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::{SimDisk, SplitMix};
    use crate::keys::{Profile, Protection};

    fn secrets(name: &str) -> Secrets {
        let disk = SimDisk::new(1);
        let dir = std::path::Path::new("p");
        let profile = Profile::create(&disk, dir, Protection::Unprotected).unwrap();
        Secrets::new(&profile, name)
    }

    #[test]
    fn any_flip_is_noticed_and_garbage_is_no_frame() {
        let secrets = secrets("objects");
        let mut random = SplitMix::new(1);
        let noise: Vec<u8> = (0..5_000).map(|_| random.next_u64() as u8).collect();
        for content in [&b"text text text text text text text text text"[..], b"", &noise] {
            let (id, mut bytes) = (secrets.chunk_id(content), Vec::new());
            secrets.encode(Kind::Chunk, id, 9, content, &mut bytes).unwrap();
            let (head, got) = secrets.decode(&bytes).unwrap();
            assert_eq!((head.kind, head.id, head.sequence), (Kind::Chunk, id, 9));
            assert_eq!(**got, *content);
            for at in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << (at % 8);
                assert!(secrets.decode(&bad).is_none(), "byte {at}");
            }
        }
        assert_eq!(find(&noise, 0), None);
    }

    #[test]
    fn a_head_that_lies_opens_nothing() {
        let secrets = secrets("objects");
        let mut bytes = Vec::new();
        secrets.encode(Kind::Chunk, FrameId([1; 32]), 9, b"text", &mut bytes).unwrap();
        for at in 4..52 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            let right = sum(&bad[..52]);
            bad[52..HEAD].copy_from_slice(&right);
            assert!(secrets.decode(&bad).is_none(), "byte {at}");
        }
        assert!(self::secrets("objects").decode(&bytes).is_none(), "another profile");
    }

    #[test]
    fn no_content_makes_unpacking_panic_or_grow() {
        let mut random = SplitMix::new(2);
        let good = pack(&[7; 3_000]);
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bad.len() as u64) as usize;
                bad[at] = random.next_u64() as u8;
            }
            let len = random.below(2 * bad.len() as u64) as usize;
            bad.truncate(len);
            assert!(unpack(bad).is_none_or(|content| content.len() <= CONTENT_BYTES_MAX));
        }
    }
}
