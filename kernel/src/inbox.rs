//! The Inbox: what a person is asked, kept until they answer.
//!
//! An item is a row, so that neither a restart nor a closed window loses a question. It carries
//! everything that the answer needs: who wants to do what to what, why it is asked, what it would
//! change, how much of a risk it is, where it comes from, and until when it stands. An approval
//! holds for exactly that: the item is bound to a digest of all of it, the change included.
//!
//! This is the store alone; who may ask and what an answer does is [`crate::authority`]'s.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::Risk;
use crate::gate::{Fact, Obligations};
use crate::ledger::Time;
use crate::row::{RowError, Rows, Table, Transaction, Value, Version};

/// The longest change that a person is shown, in bytes: what nobody can look at is not asked.
pub const DIFF_BYTES_MAX: usize = 256 * 1024;
/// The longest text that says where a question comes from, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 256;
/// Open items of one principal: whoever asks without end is heard no more.
pub const OPEN_MAX: usize = 100;

/// Settled items that are kept, newest first, so that a person sees what they said.
const SETTLED_MAX: usize = 1000;

const ITEMS: Table<u64, Item> = Table::new("inbox items");
/// The newest item of a digest.
const BY_DIGEST: Table<[u8; 32], u64> = Table::new("inbox digests");

/// An item's number in its profile: they count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct ItemId(pub u64);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// A person has not said yet.
    Open,
    /// It may be done once, and was not yet.
    Approved,
    /// It was approved once, and that was used.
    Used,
    /// It was approved for as long as the process runs.
    Session,
    /// The policy allows it from now on.
    Always,
    /// A person said no.
    Denied,
    /// Nobody said anything in time.
    Expired,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Item {
    /// How it stands.
    pub state: ItemState,
    /// Who asks, as [`crate::principal::Principal`] is written.
    pub principal: String,
    /// What they want to do.
    pub action: String,
    /// That action's tier, from 0 to 4.
    pub tier: u8,
    /// To what, as [`crate::gate::Resource`] is written.
    pub resource: String,
    /// What held when it was asked.
    pub facts: Vec<Fact>,
    /// The workspace that it was asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Why it is asked, in the words of the rule.
    pub reason: String,
    /// The rule, `LAYER:ID`.
    pub rule: String,
    /// What holds once it is approved.
    #[serde(default)]
    pub obligations: Obligations,
    /// What would change, as a unified diff or the words of a command; none where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Where it comes from, for a person: `run 7, step "publish"`.
    pub origin: String,
    /// The trace that it is part of, 32 hex digits.
    pub trace: String,
    /// What it is bound to.
    pub digest: [u8; 32],
    /// When it was asked, in milliseconds since 1970.
    pub asked_ms: u64,
    /// Until when it stands.
    pub expires_ms: u64,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_ms: Option<u64>,
}

impl Item {
    /// The tier as the gate has it.
    #[must_use]
    pub fn risk(&self) -> Risk {
        match self.tier {
            0 => Risk::L0,
            1 => Risk::L1,
            2 => Risk::L2,
            3 => Risk::L3,
            _ => Risk::L4,
        }
    }

    /// Whether it waits for a person at `now`. A clock that was put back does not revive it for
    /// longer than it was meant to stand.
    #[must_use]
    pub fn is_open(&self, now: Time) -> bool {
        self.state == ItemState::Open && !self.is_past(now)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_past(&self, now: Time) -> bool {
        now.0 >= self.expires_ms
    }
}

impl Value for Item {
    fn encode(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("an item has only text for keys");
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What is in the Inbox of a profile; clones share it.
#[derive(Clone, Debug)]
pub struct Inbox {
    rows: Arc<Rows>,
    patience: Duration,
}

impl Inbox {
    /// Over `rows`; whoever writes waits for the disk no longer than `patience`.
    #[must_use]
    pub fn new(rows: Arc<Rows>, patience: Duration) -> Self {
        Self { rows, patience }
    }

    /// All items, newest first.
    ///
    /// # Errors
    /// What the rows say.
    pub fn all(&self) -> Result<Vec<(ItemId, Item)>, RowError> {
        let snapshot = self.rows.snapshot();
        let mut items = snapshot
            .range(&ITEMS, ..)?
            .map(|row| row.map(|(id, item)| (ItemId(id), item)))
            .collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    /// One of them.
    ///
    /// # Errors
    /// What the rows say.
    pub fn get(&self, id: ItemId) -> Result<Option<Item>, RowError> {
        self.rows.snapshot().get(&ITEMS, &id.0)
    }

    /// The newest item that is bound to `digest`.
    pub(crate) fn bound_to(&self, digest: &[u8; 32]) -> Result<Option<(ItemId, Item)>, RowError> {
        let snapshot = self.rows.snapshot();
        let Some(id) = snapshot.get(&BY_DIGEST, digest)? else { return Ok(None) };
        Ok(snapshot.get(&ITEMS, &id)?.map(|item| (ItemId(id), item)))
    }

    /// Puts an item in; durable when this answers. It takes the oldest settled ones out where there
    /// are too many.
    pub(crate) fn add(&self, item: &Item) -> Result<ItemId, RowError> {
        loop {
            let all = self.all()?;
            let id = all.first().map_or(1, |(newest, _)| newest.0 + 1);
            let mut transaction = Transaction::new();
            // A number is taken once: whoever else took it meanwhile makes this one count on.
            transaction.insert(&ITEMS, &id, item).put(&BY_DIGEST, &item.digest, &id);
            let settled = all.iter().filter(|(_, item)| item.state != ItemState::Open);
            for (old, gone) in settled.skip(SETTLED_MAX) {
                transaction.remove(&ITEMS, &old.0);
                if self.rows.snapshot().get(&BY_DIGEST, &gone.digest)? == Some(old.0) {
                    transaction.remove(&BY_DIGEST, &gone.digest);
                }
            }
            match self.rows.commit(transaction).wait(self.patience) {
                Err(RowError::Conflict) => {}
                other => return other.map(|_: Version| ItemId(id)),
            }
        }
    }

    /// Replaces an item if it still is as it was looked at: of two answers one counts.
    pub(crate) fn settle(
        &self,
        id: ItemId,
        seen: &Item,
        state: ItemState,
    ) -> Result<Item, RowError> {
        let mut item = seen.clone();
        item.state = state;
        item.settled_ms = Some(Time::now().0);
        let mut transaction = Transaction::new();
        transaction.expect(&ITEMS, &id.0, Some(seen)).put(&ITEMS, &id.0, &item);
        self.rows.commit(transaction).wait(self.patience)?;
        Ok(item)
    }
}
