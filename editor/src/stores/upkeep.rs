//! What the program does by itself while nobody needs the machine: it tidies the log, signs the
//! ledger, and gives back what no object needs. It is a run like any other, of a principal of its
//! own, so that the gate, the ledger, the kill switch and `hearth runs` hold for it.

use std::sync::Arc;
use std::time::Duration;

use kernel::Effect;
use kernel::keys::Unlocked;
use kernel::ledger::Ledger;
use kernel::log::LogWriter;
use kernel::object::{Now, ObjectStore};
use kernel::row::Rows;
use kernel::run::schedule::{Conditions, Cron, Scheduled, Work, Worth};
use kernel::run::{Context, Executor, Inputs, Outputs, Plan, RunId, Runs, Step, StepError};

use crate::journal;

/// Who does it.
pub const PRINCIPAL: &str = "pack:hearth/upkeep";

/// What its runs are called.
const NAME: &str = "upkeep";

/// Four times a day, at a minute that nothing else has.
const TIMES: &str = "17 */6 * * *";

/// Nobody has touched a key for so long.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// Others use less of the CPU than this, in percent.
const CPU_PERCENT_MAX: f32 = 40.0;

/// What no root holds is kept for so long: a week.
const GRACE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Its runs that are kept.
const KEPT_MAX: usize = 8;

/// What is done, in order.
pub fn plan() -> Plan {
    let step = |name: &str, action: &str, after: &[&str]| {
        let mut step = Step::new(name, action, 1, Effect::Idempotent);
        step.after = after.iter().map(|&name| name.to_owned()).collect();
        step.resource = Some("nothing".to_owned());
        step
    };
    Plan {
        name: NAME.to_owned(),
        steps: vec![
            step("sign", "ledger.checkpoint", &[]),
            step("tidy", "log.tidy", &["sign"]),
            step("sweep", "object.sweep", &["tidy"]),
        ],
    }
}

/// When it is done.
pub fn scheduled() -> Option<Scheduled> {
    let worth = Worth { impact: 1.0, confidence: 1.0, freshness: 1.0, cost: 1.0 };
    let conditions = Conditions {
        idle: Some(IDLE),
        cpu_percent_max: Some(CPU_PERCENT_MAX),
        ..Conditions::default()
    };
    Some(Scheduled {
        name: NAME.to_owned(),
        worth,
        conditions,
        cron: Some(TIMES.parse::<Cron>().ok()?),
        work: Work::Plan { principal: PRINCIPAL.to_owned(), plan: plan() },
    })
}

/// Who does the steps.
pub fn register(
    runs: &mut Runs,
    (log, keys): (Arc<LogWriter>, Arc<Unlocked>),
    (rows, objects, ledger): (Arc<Rows>, ObjectStore, Arc<Ledger>),
) {
    let failed = |error: &dyn std::fmt::Display| StepError::Transient(error.to_string());
    let sign: Arc<dyn Executor> = Arc::new(move |context: &Context, _: &Inputs| {
        let checkpoint = ledger.checkpoint().map_err(|error| failed(&error))?;
        context.log(format!("{} entries are signed\n", checkpoint.size).as_bytes())?;
        Ok(Outputs::new())
    });
    let tidy: Arc<dyn Executor> = Arc::new(move |_: &Context, _: &Inputs| {
        journal::compact(&log, &keys, Some(&rows)).map_err(StepError::Transient)?;
        Ok(Outputs::new())
    });
    let sweep: Arc<dyn Executor> = Arc::new(move |context: &Context, _: &Inputs| {
        let swept = objects.sweep(Now::read(), GRACE).map_err(|error| failed(&error))?;
        let line = format!("{} objects went, {} bytes\n", swept.objects, swept.bytes);
        context.log(line.as_bytes())?;
        Ok(Outputs::new())
    });
    for (action, executor) in
        [("ledger.checkpoint", sign), ("log.tidy", tidy), ("object.sweep", sweep)]
    {
        runs.register(action, executor);
    }
}

/// Takes away all but its last runs, which would fill the list.
///
/// # Errors
/// What the runs say.
pub fn forget_old(runs: &Runs) -> Result<(), kernel::run::RunError> {
    let mut own = Vec::new();
    for run in runs.list()?.into_iter().filter(|run| run.name == NAME && run.state.is_over()) {
        let Ok(id) = run.id.parse().map(RunId) else { continue };
        if runs.show(id)?.principal == PRINCIPAL {
            own.push(id);
        }
    }
    let old = own.len().saturating_sub(KEPT_MAX);
    own[..old].iter().try_for_each(|id| runs.remove(*id))
}
