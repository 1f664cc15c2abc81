//! Takes the steps that the machine names: rehearses, warns, claims, applies, verifies, resolves.
//!
//! A claim is a commit on the version of `fix_events` on which it was decided, so of two runners one is told that it was
//! overtaken, decides again, and finds the claim. Between a claim and its result the process may be killed: the live
//! asset then says what became of it ([`Runner::resolve`]).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pacbot_jobs::notify::{Notice, NoticeKind, Outcome as Told};
use pacbot_lake::{Groups, Lake};
use pacbot_schemas::{FixEvent, FixMode};
use tracing::{info, warn};

use crate::events::{Author, EventRow, FixLakeError, Plan, append};
use crate::fix::{Fix, FixError, Job, Made, Parameters, State, Target};
use crate::guard::ClaimGuard;
use crate::live::Live;
use crate::machine::Step;
use crate::settings::Caps;
use crate::survey::{FixedPolicy, Surveyed, Surveyor, assets_judged, spent};
use crate::warner::Warner;

/// Why nothing is fixed that nobody was told of.
const NOBODY: &str = "nobody is to be told: the asset's groups have no owner, `[fix] recipients` is empty, and no subscription to `fix_warning` is about it";

/// The longest pause between two looks at a change that does not show yet.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Everything that taking steps needs.
pub struct Runner<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The asset groups that are files.
    pub groups: &'a Groups,
    /// The policies that have a fix.
    pub policies: &'a [Arc<FixedPolicy>],
    /// How many assets are changed at most.
    pub caps: &'a Caps,
    /// The live APIs; its guard lets nothing pass.
    pub live: Live,
    /// Who tells people.
    pub warner: Option<&'a dyn Warner>,
    /// Mail addresses of those who are told of every fix.
    pub recipients: &'a [String],
    /// In whose name events are written.
    pub author: Author,
    /// How long a change may take until it shows.
    pub verify_within: Duration,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What would be changed is noted.
    Rehearsed(Vec<String>),
    /// The notice was delivered.
    Warned(u32, u32),
    /// The live asset needs no fix any more.
    NotNeeded,
    /// Nothing was done: somebody else was faster, or a cap is reached.
    Skipped(String),
    /// The fix was applied, and the live asset is as it should be.
    Verified(Vec<String>),
    /// It failed.
    Failed(String),
    /// The live asset is as it was before the fix.
    Undone,
}

impl Runner<'_> {
    pub(crate) fn surveyor(&self) -> Surveyor<'_> {
        Surveyor { lake: self.lake, groups: self.groups, can_warn: self.warner.is_some(), policies: self.policies }
    }

    /// Every issue with its next step; see [`Surveyor::survey`].
    ///
    /// # Errors
    ///
    /// [`FixLakeError`]
    pub async fn survey(&self, seen_in: Option<&str>) -> Result<Vec<Surveyed>, FixLakeError> {
        self.surveyor().survey(Utc::now(), seen_in).await
    }

    fn event(&self, event: FixEvent, one: &Surveyed) -> EventRow {
        EventRow::new(event, &one.target, one.policy.version(), &self.author, Utc::now())
    }

    /// What the fix would change, read from the live API, noted as `planned`.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`] if it cannot be noted.
    pub async fn rehearse(&self, one: &Surveyed) -> Result<Outcome, FixLakeError> {
        let (outcome, row) = self.preview(one).await;
        if let Some(row) = row {
            append(self.lake, |_| std::future::ready(Ok(vec![row.clone()]))).await?;
        }
        Ok(outcome)
    }

    /// What the fix would change now, read from the live API; and the row that would note it.
    pub async fn preview(&self, one: &Surveyed) -> (Outcome, Option<EventRow>) {
        let Ok(parameters) = &one.policy.parameters else {
            return (Outcome::Skipped("not configured".to_owned()), None);
        };
        let job = Job { target: &one.target, parameters, live: &self.live };
        let (outcome, row) = match prepared(&*one.policy.fix, job).await {
            Ok(None) => return (Outcome::NotNeeded, None),
            Ok(Some(prepared)) => {
                let row = EventRow {
                    plan: EventRow::json(&prepared.plan),
                    state_before: EventRow::json(&prepared.before),
                    ..self.event(FixEvent::Planned, one)
                };
                (Outcome::Rehearsed(prepared.plan.changes), row)
            }
            Err(error) => {
                let row = EventRow { error: Some(error.line()), ..self.event(FixEvent::Planned, one) };
                (Outcome::Failed(error.line()), row)
            }
        };
        (outcome, Some(row))
    }

    /// Delivers the warnings that are due and notes those that arrived.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`] if they cannot be noted; they are then delivered once more.
    pub async fn warn(&self, due: &[Surveyed]) -> Result<Vec<Outcome>, FixLakeError> {
        let Some(warner) = self.warner else { return Ok(Vec::new()) };
        let now = Utc::now();
        let notices: Vec<(&Surveyed, Notice)> =
            due.iter().filter_map(|one| Some((one, self.warning(one, now)?))).collect();
        if notices.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<Notice> = notices.iter().map(|(_, notice)| notice.clone()).collect();
        let delivered = warner.tell(&texts).await?;
        let (mut outcomes, mut told) = (Vec::new(), Vec::new());
        for (index, (one, notice)) in notices.iter().enumerate() {
            match delivered.get(index) {
                Some(Told::Delivered) => {
                    let row = EventRow {
                        number: Some(notice.number),
                        of: Some(notice.of),
                        due_at: Some(notice.at),
                        ..self.event(FixEvent::Warned, one)
                    };
                    told.push((*one, row));
                    outcomes.push(Outcome::Warned(notice.number, notice.of));
                }
                Some(Told::NobodyToTell) => outcomes.push(Outcome::Failed(NOBODY.to_owned())),
                Some(Told::Failed(why)) => outcomes.push(Outcome::Failed(format!("the warning did not arrive: {why}"))),
                None => outcomes.push(Outcome::Failed("nobody said whether the notice was delivered".to_owned())),
            }
        }
        let surveyor = self.surveyor();
        append(self.lake, |reading| {
            let (surveyor, told) = (&surveyor, &told);
            async move {
                // What another run has told meanwhile is not counted twice.
                let mut rows = Vec::new();
                for (one, row) in told {
                    let step = surveyor.again(&reading, one, now).await?;
                    if matches!(step, Some(Step::Warn { number, .. }) if Some(number) == row.number) {
                        rows.push(row.clone());
                    }
                }
                Ok(rows)
            }
        })
        .await?;
        Ok(outcomes)
    }

    fn warning(&self, one: &Surveyed, now: DateTime<Utc>) -> Option<Notice> {
        let Step::Warn { number, of } = one.step else { return None };
        let (target, policy, about) = (&one.target, &one.policy, one.policy.fix.about());
        let pause = policy.rules.wait / i32::try_from(of).unwrap_or(i32::MAX);
        let left = i32::try_from(of - number + 1).unwrap_or(i32::MAX);
        let id = &target.issue_id;
        let consent = match policy.rules.mode {
            FixMode::Approve => format!(" It waits until somebody agrees: `pacbot fix approve {id}`."),
            _ => String::new(),
        };
        Some(Notice {
            kind: NoticeKind::FixWarning,
            recipients: self.recipients.iter().chain(&one.owners).cloned().collect(),
            issue_id: id.clone(),
            occurrence: target.occurrence,
            severity: policy.severity,
            policy_id: target.policy_id.to_string(),
            policy_title: policy.title.clone(),
            asset_type: target.asset_type.to_string(),
            asset_id: target.asset_id.clone(),
            asset_name: Some(one.name.clone()),
            account_id: target.account_id.to_string(),
            account_name: None,
            region: target.region.to_string(),
            fix: about.id.to_string(),
            what: about.does.clone(),
            at: now.checked_add_signed(pause * left).unwrap_or(DateTime::<Utc>::MAX_UTC),
            number,
            of,
            objection: Some(format!(
                "To prevent it, repair the asset yourself or ask for an exception: `pacbot exceptions request --issue {id}`.{consent}"
            )),
            run_id: self.author.run_id.clone(),
            run_at: now,
        })
    }

    /// Claims, applies and verifies, if the issue is due at this very moment.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`] if the claim or its result cannot be noted.
    pub async fn fix(&self, one: &Surveyed) -> Result<Outcome, FixLakeError> {
        let Ok(parameters) = &one.policy.parameters else { return Ok(Outcome::Skipped("not configured".to_owned())) };
        let fix = &*one.policy.fix;
        let job = Job { target: &one.target, parameters, live: &self.live };
        let prepared = match prepared(fix, job).await {
            Ok(None) => return Ok(Outcome::NotNeeded),
            Ok(Some(mut prepared)) => {
                prepared.plan.owners.clone_from(&one.owners);
                prepared
            }
            Err(error) => {
                let row = EventRow { error: Some(error.line()), ..self.event(FixEvent::Failed, one) };
                append(self.lake, |_| std::future::ready(Ok(vec![row.clone()]))).await?;
                return Ok(Outcome::Failed(error.line()));
            }
        };
        if let Some(why) = self.claim(one, &prepared).await? {
            return Ok(Outcome::Skipped(why));
        }
        let live = self.live.guarded(Arc::new(ClaimGuard {
            lake: self.lake.clone(),
            groups: self.groups.clone(),
            issue_id: one.target.issue_id.clone(),
            run_id: self.author.run_id.clone(),
            undo: None,
        }));
        let job = Job { live: &live, ..job };
        let applied = fix.apply(job, &prepared.before).await;
        let mut row = self.event(FixEvent::Applied, one);
        let made = match applied {
            Ok(made) => made,
            Err(error) if !live.has_changed() && matches!(error, FixError::Stopped { .. }) => {
                row.event = FixEvent::Released;
                row.error = Some(error.line());
                self.note(row).await?;
                return Ok(Outcome::Skipped(error.line()));
            }
            Err(error) => {
                warn!(issue = %one.target.issue_id, fix = %fix.about().id, error = error.line(), "a fix failed");
                row.event = FixEvent::Failed;
                row.error = Some(error.line());
                row.made = live.has_changed().then(|| "{}".to_owned());
                self.note(row).await?;
                return Ok(Outcome::Failed(error.line()));
            }
        };
        row.made = EventRow::json(&made);
        self.note(row.clone()).await?;
        let verdict = verified(fix, job, &made, self.verify_within).await;
        let (outcome, row) = judged(verdict, row, prepared.plan.changes);
        self.note(row).await?;
        info!(issue = %one.target.issue_id, fix = %fix.about().id, "fixed an asset");
        Ok(outcome)
    }

    /// Claims; `Some` says why it could not.
    async fn claim(&self, one: &Surveyed, prepared: &Prepared) -> Result<Option<String>, FixLakeError> {
        let row = EventRow {
            plan: EventRow::json(&prepared.plan),
            state_before: EventRow::json(&prepared.before),
            ..self.event(FixEvent::Claimed, one)
        };
        let why = Mutex::new(None);
        let surveyor = self.surveyor();
        let claimed = append(self.lake, |reading| {
            let (row, why, surveyor) = (&row, &why, &surveyor);
            async move {
                let now = Utc::now();
                let refuse = |reason: String| {
                    if let Ok(mut why) = why.lock() {
                        *why = Some(reason);
                    }
                    Ok(Vec::new())
                };
                match surveyor.again(&reading, one, now).await? {
                    Some(Step::Apply) => {}
                    Some(Step::Nothing(because)) => return refuse(because.to_string()),
                    _ => return refuse("it is not due any more".to_owned()),
                }
                let assets = assets_judged(&reading.ctx, &one.policy.policy_id).await?;
                let mut spent = spent(&reading.ctx, &self.author.run_id, now).await?;
                match spent.take(&one.policy.policy_id, &one.target.account_id, assets, self.caps) {
                    Ok(()) => Ok(vec![EventRow { at: now, ..row.clone() }]),
                    Err(cap) => refuse(cap.to_string()),
                }
            }
        })
        .await?;
        if claimed.is_empty() {
            let why = why.into_inner().ok().flatten();
            return Ok(Some(why.unwrap_or_else(|| "it is not due any more".to_owned())));
        }
        Ok(None)
    }

    /// Appends a row of a claim of ours.
    pub(crate) async fn note(&self, row: EventRow) -> Result<(), FixLakeError> {
        let at = |mut row: EventRow| {
            row.at = Utc::now();
            row
        };
        append(self.lake, |_| std::future::ready(Ok(vec![at(row.clone())]))).await.map(drop)
    }
}

/// What is about to be changed.
struct Prepared {
    before: State,
    plan: Plan,
}

/// Reads the live asset; `None` if it needs no fix.
async fn prepared(fix: &dyn Fix, job: Job<'_>) -> Result<Option<Prepared>, FixError> {
    let before = fix.read(job, &Made::new()).await?;
    if fix.is_good(job, &before)? {
        return Ok(None);
    }
    let changes = fix.changes(job, &before)?;
    let plan = Plan { changes, target: job.target.clone(), parameters: job.parameters.clone(), owners: Vec::new() };
    Ok(Some(Prepared { before, plan }))
}

/// Looks until the asset is good, or the time is up.
async fn verified(fix: &dyn Fix, job: Job<'_>, made: &Made, within: Duration) -> Result<(bool, State), FixError> {
    let began = tokio::time::Instant::now();
    let mut pause = Duration::from_millis(500);
    loop {
        let state = fix.read(job, made).await?;
        let is_good = fix.is_good(job, &state)?;
        if is_good || began.elapsed() + pause > within {
            return Ok((is_good, state));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The outcome and the row of a verification.
fn judged(verdict: Result<(bool, State), FixError>, applied: EventRow, changes: Vec<String>) -> (Outcome, EventRow) {
    match verdict {
        Ok((true, state)) => {
            let row =
                EventRow { event: FixEvent::Verified, state_after: EventRow::json(&state), made: None, ..applied };
            (Outcome::Verified(changes), row)
        }
        Ok((false, state)) => {
            let error = "the live asset is not as the fix wants it".to_owned();
            let row = EventRow {
                event: FixEvent::Failed,
                state_after: EventRow::json(&state),
                error: Some(error.clone()),
                ..applied
            };
            (Outcome::Failed(error), row)
        }
        Err(error) => {
            let row = EventRow { event: FixEvent::Failed, error: Some(error.line()), ..applied };
            (Outcome::Failed(error.line()), row)
        }
    }
}

/// A stored claim, as far as it can be read.
pub(crate) struct Claim {
    pub(crate) row: EventRow,
    pub(crate) target: Target,
    pub(crate) parameters: Parameters,
    pub(crate) before: State,
}

impl Claim {
    /// The claim of a row.
    pub(crate) fn of(row: &EventRow) -> Result<Self, FixError> {
        let missing = || FixError::unexpected("the claim has no plan that can be read");
        let plan: Plan = row.plan.as_ref().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(missing)?;
        let before = row.state_before.as_ref().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(missing)?;
        Ok(Self { row: row.clone(), target: plan.target, parameters: plan.parameters, before })
    }
}
