//! All asset groups of a deployment, and who is in them.
//!
//! A group that is a file holds over a saved one of the same id. Every account that is collected and every
//! organizational unit is a group by itself.
//! [`Groups::register`] adds the views `groups` and `group_members` to a session; both are about the session's own time.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, Union, lit};
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::TryStreamExt;
use pacbot_schemas::{AssetTypes, RunId, SourceError};
use serde::{Deserialize, Serialize};

use crate::error::LakeError;
use crate::group::{Group, Origin, Owner, is_id};
use crate::journal::{ATTEMPTS, JournalRow};
use crate::lake::Lake;
use crate::predicate::{MEMBER_COLUMNS, Predicate, PredicateError};
use crate::run_rows::to_batch;
use crate::table::Table;
use crate::units::groups_of_units;

/// Accounts that are collected, of `recent_coverage`. One row an account.
const ACCOUNTS: &str = "
    select account_id, max(account_name) as account_name
    from recent_coverage
    where status <> 'withdrawn'
    group by account_id
    order by account_id";

/// The groups of accounts have no predicates: the asset says where it is.
const MEMBERS_OF_ACCOUNTS: &str =
    "select 'account:' || account_id as group_id, asset_type, asset_id, account_id, region from assets";

/// Why groups cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// A file or row is wrong.
    #[error("group `{group}` cannot be used")]
    Predicate {
        /// The group.
        group: String,
        /// Why.
        source: PredicateError,
    },
    /// There is no such group.
    #[error("there is no group `{group}`{}", .near.as_deref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// As written.
        group: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A group's id.
    #[error("`{0}` is no group id: use lower-case letters, digits, `-` and `_`")]
    Id(String),
    /// The lake.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// A query of our own.
    #[error("failed to find the members of groups")]
    Query(#[from] DataFusionError),
}

/// The groups, sorted by id.
#[derive(Debug, Clone, Default)]
pub struct Groups(Vec<Group>);

/// A row of `asset_groups`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct GroupRow {
    group_id: String,
    sequence: i64,
    at: DateTime<Utc>,
    actor: String,
    event: GroupEvent,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    visible: bool,
    #[serde(default)]
    owner_mail: Vec<String>,
    #[serde(default)]
    owner_slack: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    members: Vec<Predicate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GroupEvent {
    Saved,
    Removed,
}

impl JournalRow for GroupRow {
    const TABLE: &'static str = "asset_groups";
    fn sequence(&self) -> i64 {
        self.sequence
    }
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self {
            group_id: row.group_id,
            title: row.title,
            description: row.description,
            kind: row.kind,
            visible: row.visible,
            owner: Owner { mail: row.owner_mail, slack: row.owner_slack },
            tags: row.tags,
            members: row.members,
            origin: Origin::Saved,
        }
    }
}

impl Groups {
    /// Parses group files, given as name and text.
    ///
    /// # Errors
    ///
    /// Every mistake in every file.
    pub async fn parse(files: &[(String, String)], types: &AssetTypes) -> Result<Self, Vec<SourceError>> {
        let (mut groups, mut errors): (Vec<Group>, _) = (Vec::new(), Vec::new());
        for (file, text) in files {
            match Group::parse(file, text, types).await {
                Ok(group) if groups.iter().any(|other| other.group_id == group.group_id) => {
                    let message = format!("another file has the id `{}` as well", group.group_id);
                    errors.push(SourceError::at(file, text, 0..0, message));
                }
                Ok(group) => groups.push(group),
                Err(error) => errors.push(error),
            }
        }
        groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
        if errors.is_empty() { Ok(Self(groups)) } else { Err(errors) }
    }

    /// Adds the groups that people saved by `at` and those of the accounts and units that the session `ctx` knows.
    ///
    /// # Errors
    ///
    /// [`GroupError::Lake`]
    pub async fn with_saved(
        mut self,
        lake: &Lake,
        ctx: &SessionContext,
        at: DateTime<Utc>,
    ) -> Result<Self, GroupError> {
        let (rows, accounts, units) = futures::try_join!(
            async { Ok::<_, GroupError>(lake.journal::<GroupRow>(at).await?) },
            groups_of_accounts(lake, ctx, at),
            async { Ok(groups_of_units(lake, ctx).await?) },
        )?;
        let mut saved: BTreeMap<String, Option<Group>> = BTreeMap::new();
        for row in rows {
            let group = (row.event == GroupEvent::Saved).then(|| Group::from(row.clone()));
            saved.insert(row.group_id, group);
        }
        for group in saved.into_values().flatten() {
            if self.get(&group.group_id).is_none() {
                self.0.push(group);
            }
        }
        self.0.extend(accounts.into_iter().chain(units));
        self.0.sort_by(|one, other| one.group_id.cmp(&other.group_id));
        Ok(self)
    }

    /// All groups, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.0.iter()
    }

    /// The group of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Group> {
        self.0.iter().find(|group| group.group_id == id)
    }

    /// The group of that id.
    ///
    /// # Errors
    ///
    /// [`GroupError::Unknown`] with what was probably meant.
    pub fn find(&self, id: &str) -> Result<&Group, GroupError> {
        self.get(id).ok_or_else(|| {
            let near = pacbot_schemas::nearest(id, self.0.iter().map(|group| group.group_id.as_str()));
            GroupError::Unknown { group: id.to_owned(), near: near.map(str::to_owned) }
        })
    }

    /// The members of one group, each once: `asset_type, asset_id, account_id, region`.
    ///
    /// # Errors
    ///
    /// [`GroupError`]
    pub async fn members(&self, ctx: &SessionContext, id: &str) -> Result<DataFrame, GroupError> {
        members(ctx, self.find(id)?).await
    }

    /// Adds the views `groups` (a row a group), `group_members` (`group_id`, then the members' columns), and `named_members`
    /// (the same without groups that are an account).
    ///
    /// # Errors
    ///
    /// [`GroupError::Predicate`] names the group that cannot be asked any more.
    pub async fn register(&self, ctx: &SessionContext) -> Result<(), GroupError> {
        #[derive(Serialize)]
        struct Row<'a> {
            group_id: &'a str,
            title: &'a str,
            description: &'a str,
            kind: &'a str,
            visible: bool,
            owner_mail: &'a [String],
            owner_slack: Option<&'a str>,
            origin: &'static str,
        }
        let rows: Vec<Row<'_>> = self
            .iter()
            .map(|group| Row {
                group_id: &group.group_id,
                title: &group.title,
                description: &group.description,
                kind: &group.kind,
                visible: group.visible,
                owner_mail: &group.owner.mail,
                owner_slack: group.owner.slack.as_deref(),
                origin: group.origin.as_str(),
            })
            .collect();
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let mails = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        let schema = arrow::datatypes::Schema::new(vec![
            text("group_id"),
            text("title"),
            text("description"),
            text("kind"),
            Field::new("visible", DataType::Boolean, true),
            Field::new("owner_mail", mails, true),
            text("owner_slack"),
            text("origin"),
        ]);
        let schema = Arc::new(schema);
        let batch = to_batch("groups", schema.clone(), &rows)?;
        ctx.register_table("groups", Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;

        let of_accounts = ctx.sql(MEMBERS_OF_ACCOUNTS).await?;
        let mut named = Vec::new();
        for group in self.iter().filter(|group| !group.is_of_account() && !group.members.is_empty()) {
            let mut columns = vec![lit(group.group_id.as_str()).alias("group_id")];
            columns.extend(MEMBER_COLUMNS.map(col));
            named.push(Arc::new(members(ctx, group).await?.select(columns)?.into_unoptimized_plan()));
        }
        let named = match named.len() {
            // The planner leaves out what is read of no groups.
            0 => of_accounts.clone().limit(0, Some(0))?,
            1 => DataFrame::new(ctx.state(), named.remove(0).as_ref().clone()),
            // One step for all: one for each would be planned again with every other.
            _ => DataFrame::new(ctx.state(), LogicalPlan::Union(Union::try_new_with_loose_types(named)?)),
        };
        ctx.register_table("named_members", named.clone().into_view())?;
        ctx.register_table("group_members", of_accounts.union(named)?.into_view())?;
        Ok(())
    }
}

/// The groups of the accounts that are collected; adds the views `recent_coverage` and `collected_accounts` to the session.
async fn groups_of_accounts(lake: &Lake, ctx: &SessionContext, at: DateTime<Utc>) -> Result<Vec<Group>, GroupError> {
    #[derive(Deserialize)]
    struct AccountRow {
        account_id: String,
        #[serde(default)]
        account_name: String,
    }
    let recent = lake.recent_coverage(ctx, at).await?;
    ctx.register_table("recent_coverage", recent.into_view())?;
    let accounts = ctx.sql(ACCOUNTS).await?.cache().await?;
    ctx.register_table("collected_accounts", accounts.clone().into_view())?;
    let accounts: Vec<AccountRow> = lake.values(accounts, "coverage").await?;
    let group = |row: &AccountRow| {
        let name = if row.account_name.is_empty() { &row.account_id } else { &row.account_name };
        Group::of_account(&row.account_id, name)
    };
    Ok(accounts.iter().map(group).collect())
}

/// The members of a group, each once.
async fn members(ctx: &SessionContext, group: &Group) -> Result<DataFrame, GroupError> {
    let failed = |source| GroupError::Predicate { group: group.group_id.clone(), source };
    let mut all: Option<DataFrame> = None;
    for member in &group.members {
        let frame = member.frame(ctx).await.map_err(failed)?;
        all = Some(match all {
            Some(before) => before.union(frame)?.distinct()?,
            None => frame,
        });
    }
    match all {
        Some(all) => Ok(all),
        None => Ok(ctx.table("assets").await?.select(MEMBER_COLUMNS.map(col).to_vec())?.filter(lit(false))?),
    }
}

impl Lake {
    /// Saves a group that a person made; it replaces one of the same id.
    ///
    /// # Errors
    ///
    /// [`GroupError::Id`], [`GroupError::Predicate`]; [`GroupError::Lake`] when it cannot be written.
    pub async fn save_group(&self, group: &Group, actor: &str, at: DateTime<Utc>) -> Result<(), GroupError> {
        if !is_id(&group.group_id) {
            return Err(GroupError::Id(group.group_id.clone()));
        }
        for member in &group.members {
            let failed = |source| GroupError::Predicate { group: group.group_id.clone(), source };
            member.check(&self.types).await.map_err(failed)?;
        }
        let row = |sequence| GroupRow {
            group_id: group.group_id.clone(),
            sequence,
            at,
            actor: actor.to_owned(),
            event: GroupEvent::Saved,
            title: group.title.clone(),
            description: group.description.clone(),
            kind: group.kind.clone(),
            visible: group.visible,
            owner_mail: group.owner.mail.clone(),
            owner_slack: group.owner.slack.clone(),
            tags: group.tags.clone(),
            members: group.members.clone(),
        };
        self.append(at, |_: &[GroupRow], sequence| Ok::<_, GroupError>(vec![row(sequence)])).await.map(drop)
    }

    /// Removes a saved group. Its earlier rows stay.
    ///
    /// # Errors
    ///
    /// [`GroupError::Unknown`] when no such group is saved.
    pub async fn remove_group(&self, id: &str, actor: &str, at: DateTime<Utc>) -> Result<(), GroupError> {
        let decide = |rows: &[GroupRow], sequence| {
            let last = rows.iter().rev().find(|row| row.group_id == id);
            match last.filter(|row| row.event == GroupEvent::Saved) {
                Some(row) => {
                    let (actor, event) = (actor.to_owned(), GroupEvent::Removed);
                    Ok(vec![GroupRow { sequence, at, actor, event, ..row.clone() }])
                }
                None => {
                    let near = pacbot_schemas::nearest(id, rows.iter().map(|row| row.group_id.as_str()));
                    Err(GroupError::Unknown { group: id.to_owned(), near: near.map(str::to_owned) })
                }
            }
        };
        self.append(at, decide).await.map(drop)
    }

    /// Brings `asset_group_members` up to date with the views of `ctx`, as run `run_id` at `at`. Writes nothing when
    /// nobody joined or left.
    ///
    /// # Errors
    ///
    /// [`GroupError::Query`], [`GroupError::Lake`]
    pub async fn write_group_members(
        &self,
        ctx: &SessionContext,
        run_id: &RunId,
        at: DateTime<Utc>,
    ) -> Result<(), GroupError> {
        const TABLE: &str = "asset_group_members";
        for _ in 0..ATTEMPTS {
            let table = self.table(TABLE).await?;
            let has_rows = table.as_ref().map(Table::files).transpose()?.is_some_and(|files| !files.is_empty());
            if !has_rows && ctx.table("named_members").await?.limit(0, Some(1))?.count().await? == 0 {
                return Ok(());
            }
            let version = table.as_ref().map(Table::version);
            ctx.deregister_table("members_before")?;
            let before = crate::session::provider(table.as_ref(), &self.schema_of(TABLE)?)?;
            ctx.register_table("members_before", before)?;
            let at_value = ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into()));
            let parameters = vec![("run_id", ScalarValue::Utf8(Some(run_id.to_string()))), ("at", at_value)];
            let now = ctx.sql(include_str!("groups/members.sql")).await?.with_param_values(parameters)?;
            ctx.deregister_table("members_now")?;
            ctx.register_table("members_now", now.clone().into_view())?;
            let changed = ctx.sql(include_str!("groups/changed.sql")).await?.collect().await?;
            if changed.iter().all(|batch| batch.num_rows() == 0) {
                return Ok(());
            }
            let rows = now.execute_stream().await?.map_err(LakeError::query(TABLE));
            if self.commit_on(TABLE, version, rows, true, at).await?.is_some() {
                return Ok(());
            }
        }
        Err(LakeError::Contention { table: TABLE.to_owned(), attempts: ATTEMPTS }.into())
    }
}
