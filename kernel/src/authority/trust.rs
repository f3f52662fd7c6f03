//! Folders that the owner trusts, as rows.

use std::fmt;

use super::{Authority, AuthorityError};
use crate::action::Risk;
use crate::gate::{CanonicalPath, Context, Decided, Request, Resource};
use crate::ledger::{Decision, EvidenceHash, TraceId};
use crate::principal::{ActionId, Principal};
use crate::row::{Table, Transaction};

/// By the folder's path, the fingerprint of what would run there, in hex.
const TRUSTED: Table<String, String> = Table::new("trusted folders");

/// A hash of everything that a folder could run, as a person looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustPrint(pub [u8; 32]);

impl fmt::Display for TrustPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TrustPrint {
    fn read(text: &str) -> Option<Self> {
        let is_plain = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = |at: usize| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok();
        let mut bytes = [0; 32];
        for (at, place) in bytes.iter_mut().enumerate() {
            *place = is_plain.then(|| byte(at)).flatten()?;
        }
        Some(Self(bytes))
    }
}

impl Authority {
    /// Trusts a folder as it is now, because a person said so. The ledger has it before it counts.
    /// Not for the UI thread.
    ///
    /// # Errors
    /// The policy does not let `actor` say that, or what the rows or the ledger say.
    pub fn trust(
        &self,
        folder: &CanonicalPath,
        print: TrustPrint,
        actor: &Principal,
    ) -> Result<(), AuthorityError> {
        let _one = self.answer_alone();
        self.word("trust.grant", folder, actor, vec![EvidenceHash(print.0)])?;
        let mut transaction = Transaction::new();
        transaction.put(&TRUSTED, &folder.to_string(), &print.to_string());
        self.rows.commit(transaction).wait(self.patience)?;
        Ok(())
    }

    /// Trusts a folder no more; it need not be there, nor have been trusted. Not for the UI thread.
    ///
    /// # Errors
    /// As [`Authority::trust`]; it may then count no more all the same.
    pub fn distrust(
        &self,
        folder: &CanonicalPath,
        actor: &Principal,
    ) -> Result<(), AuthorityError> {
        let _one = self.answer_alone();
        if self.trusted(folder)?.is_none() {
            return Ok(());
        }
        self.word("trust.revoke", folder, actor, Vec::new())?;
        let mut transaction = Transaction::new();
        transaction.remove(&TRUSTED, &folder.to_string());
        self.rows.commit(transaction).wait(self.patience)?;
        Ok(())
    }

    /// What a person looked at when they trusted this very folder; none where they did not. What
    /// lies around it or in it tells nothing.
    ///
    /// # Errors
    /// What the rows say: nothing is trusted then.
    pub fn trusted(&self, folder: &CanonicalPath) -> Result<Option<TrustPrint>, AuthorityError> {
        let print = self.rows.snapshot().get(&TRUSTED, &folder.to_string())?;
        Ok(print.as_deref().and_then(TrustPrint::read))
    }

    /// Every folder that is trusted, in the order of their names.
    ///
    /// # Errors
    /// What the rows say.
    pub fn all_trusted(&self) -> Result<Vec<(CanonicalPath, TrustPrint)>, AuthorityError> {
        let snapshot = self.rows.snapshot();
        let mut all = Vec::new();
        for row in snapshot.range(&TRUSTED, ..)? {
            let (folder, print) = row?;
            all.extend(CanonicalPath::lexical(&folder).zip(TrustPrint::read(&print)));
        }
        Ok(all)
    }

    /// Asks the gate whether `actor` may say this about a folder, and notes that they did.
    fn word(
        &self,
        action: &str,
        folder: &CanonicalPath,
        actor: &Principal,
        evidence: Vec<EvidenceHash>,
    ) -> Result<(), AuthorityError> {
        let (action, resource) =
            (ActionId::new(action).map_err(AuthorityError::Name)?, Resource::Path(folder.clone()));
        let request = Request {
            principal: actor,
            action: &action,
            risk: Risk::L3,
            resource: &resource,
            context: Context::default(),
            workspace: None,
        };
        let verdict = self.gate.decide(&request);
        let rule = verdict.because.rule.clone();
        if verdict.decided != Decided::Allow {
            self.note(&request, Decision::Denied, rule, evidence, TraceId(0))?;
            return Err(AuthorityError::Refused(Box::new(verdict)));
        }
        self.note(&request, Decision::Done, rule, evidence, TraceId(0))?;
        self.ledger.flush(self.patience)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TrustPrint;

    #[test]
    fn a_print_is_read_as_it_is_written_and_nothing_else() {
        let print = TrustPrint(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(TrustPrint::read(&print.to_string()), Some(print));
        for bad in ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(TrustPrint::read(bad), None, "{bad}");
        }
    }
}
