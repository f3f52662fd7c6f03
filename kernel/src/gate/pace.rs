//! How often something is done in a minute.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Request;

/// What a rate is counted over.
const SPAN: Duration = Duration::from_secs(60);

/// Principals and actions that are counted at once; beyond that the one that rested longest is
/// forgotten.
const COUNTED_MAX: usize = 1024;

/// When each principal did each action lately.
#[derive(Debug, Default)]
pub(super) struct Paces {
    done: HashMap<(String, String), VecDeque<Instant>>,
}

impl Paces {
    /// Counts one more, or says how long to wait until it is no more than `rate` in a minute.
    pub(super) fn take(
        &mut self,
        request: &Request<'_>,
        rate: u64,
        now: Instant,
    ) -> Result<(), Duration> {
        let key = (request.principal.to_string(), request.action.to_string());
        if self.done.len() >= COUNTED_MAX && !self.done.contains_key(&key) {
            let oldest = self.done.iter().min_by_key(|(_, times)| times.back().copied());
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.done.remove(&oldest);
            }
        }
        let times = self.done.entry(key).or_default();
        while times.front().is_some_and(|&first| now.saturating_duration_since(first) >= SPAN) {
            times.pop_front();
        }
        if (times.len() as u64) < rate {
            times.push_back(now);
            return Ok(());
        }
        // A rate of none at all never comes round.
        let first = times.front().copied().unwrap_or(now);
        Err(SPAN.saturating_sub(now.saturating_duration_since(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Risk;
    use crate::gate::{Context, Resource};
    use crate::principal::ActionId;

    #[test]
    fn no_more_than_the_rate_is_done_in_any_minute() {
        let (mut paces, begun) = (Paces::default(), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let (one, two) = ("agent:one".parse().unwrap(), "agent:two".parse().unwrap());
        let action = ActionId::new("web.read").unwrap();
        let request = |principal| Request {
            principal,
            action: &action,
            risk: Risk::L1,
            resource: &Resource::Nothing,
            context: Context::default(),
            workspace: None,
        };
        assert_eq!(paces.take(&request(&one), 2, at(0)), Ok(()));
        assert_eq!(paces.take(&request(&one), 2, at(30)), Ok(()));
        assert_eq!(paces.take(&request(&one), 2, at(40)), Err(Duration::from_secs(20)));
        assert_eq!(paces.take(&request(&two), 2, at(40)), Ok(()), "each for itself");
        assert_eq!(paces.take(&request(&one), 2, at(60)), Ok(()));
        assert_eq!(paces.take(&request(&one), 2, at(61)), Err(Duration::from_secs(29)));
        assert_eq!(paces.take(&request(&one), 0, at(61)), Err(Duration::from_secs(29)));
    }
}
