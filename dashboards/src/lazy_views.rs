//! A schema whose views are planned when somebody reads them: most looks read few of them, and planning is what a small
//! lake's query costs.
//!
//! Tables come from the schema that was there before; a view that was planned is kept beside them until the lens changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use pacbot_lake::{session_over, spawned};
use tokio::sync::OnceCell;

use crate::domain::Domain;
use crate::views::{Grouping, VIEWS, category_weights, plan, text, values, viewed_domains};

/// What the views are planned over beside tables: by name, with what makes them.
const OTHERS: [&str; 3] = ["lens", "viewed_domains", "category_weights"];

/// What the views show.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) grouping: Grouping,
    /// `None` is all policies, as the domain `*`.
    pub(crate) domains: Vec<Option<Domain>>,
}

/// The views of one lens. Each is planned once, by whoever reads it first; the others wait.
#[derive(Debug)]
struct Views {
    shown: Shown,
    planned: BTreeMap<&'static str, OnceCell<()>>,
}

impl Views {
    fn of(shown: Shown) -> Arc<Self> {
        Arc::new(Self { shown, planned: names().map(|name| (name, OnceCell::new())).collect() })
    }
}

/// The tables and views of a look. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LazyViews {
    tables: Arc<dyn SchemaProvider>,
    /// A session that has `tables` alone, so that no session holds itself.
    planner: SessionContext,
    views: Arc<RwLock<Arc<Views>>>,
}

impl fmt::Debug for LazyViews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyViews").field("views", &self.views).finish_non_exhaustive()
    }
}

impl LazyViews {
    /// Takes the place of the session's schema.
    pub(crate) fn install(ctx: &SessionContext, shown: Shown) -> Result<Self, DataFusionError> {
        let state = ctx.state();
        let names = &state.config_options().catalog;
        let missing = || DataFusionError::Internal("the session has no default schema".to_owned());
        let catalog = state.catalog_list().catalog(&names.default_catalog).ok_or_else(missing)?;
        let tables = catalog.schema(&names.default_schema).ok_or_else(missing)?;
        let planner = session_over(ctx, tables.clone())?;
        let views = Self { tables, planner, views: Arc::new(RwLock::new(Views::of(shown))) };
        catalog.register_schema(&names.default_schema, Arc::new(views.clone()))?;
        Ok(views)
    }

    /// Shows something else from here on.
    pub(crate) fn show(&self, shown: Shown) -> Result<(), DataFusionError> {
        *self.views.write().unwrap_or_else(PoisonError::into_inner) = Views::of(shown);
        for name in names() {
            self.tables.deregister_table(name)?;
        }
        Ok(())
    }

    /// Sees to it that `name` is planned, after what it reads, which is planned side by side.
    fn planned(self, views: Arc<Views>, name: &'static str) -> BoxFuture<'static, Result<(), DataFusionError>> {
        let planning = async move {
            let Some(cell) = views.planned.get(name) else { return Ok(()) };
            let once = cell.get_or_try_init(async || {
                let read = read_by(name, &views.shown.grouping).into_iter();
                let planned =
                    try_join_all(read.map(|other| spawned(self.clone().planned(views.clone(), other)))).await?;
                planned.into_iter().collect::<Result<(), _>>()?;
                let table = self.plan(name, &views.shown).await?;
                self.tables.register_table(name.to_owned(), table).map(drop)
            });
            once.await.copied()
        };
        planning.boxed()
    }

    async fn plan(&self, name: &str, shown: &Shown) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let ctx = &self.planner;
        match name {
            "viewed_domains" => viewed_domains(ctx, &shown.domains).await,
            "category_weights" => category_weights(&shown.domains),
            "lens" => {
                let group = if let Grouping::One(group) = &shown.grouping { group } else { "*" };
                values(vec![("group_id", text(&mut std::iter::once(group)))])
            }
            _ => plan(ctx, name, text_of(name), shown).await,
        }
    }
}

/// What is made here when it is read, each before all that read it.
fn names() -> impl Iterator<Item = &'static str> {
    OTHERS.into_iter().chain(VIEWS.iter().map(|(view, _)| *view))
}

/// The text of a view; of the others, none.
fn text_of(name: &str) -> &'static str {
    VIEWS.iter().find(|(view, _)| *view == name).map_or("", |(_, sql)| *sql)
}

/// The views and small tables that one reads itself. By the words of the view's text, so a comment that names a view costs
/// its planning, and its rows if they are kept.
fn read_by(name: &str, grouping: &Grouping) -> Vec<&'static str> {
    let words = text_of(name).split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let mut words: BTreeSet<&str> = words.collect();
    // What a lens puts in the place of these is not in their texts.
    words.extend(match name {
        "answers" | "known_accounts" => Some("recent_collections"),
        "counts" if *grouping != Grouping::Whole => Some("grouped_counts"),
        "viewed_issue_counts" if *grouping != Grouping::Whole => Some("grouped_issue_counts"),
        "viewed_accounts" if *grouping == Grouping::Whole => Some("known_accounts"),
        "viewed_policies" if *grouping != Grouping::Whole => Some("policy_status"),
        "owned_assets" if *grouping == Grouping::Whole => Some("evaluations"),
        "viewed_cells" if *grouping == Grouping::Whole => Some("issue_cells"),
        _ => None,
    });
    names().take_while(|other| *other != name).filter(|other| words.contains(other)).collect()
}

#[async_trait]
impl SchemaProvider for LazyViews {
    fn table_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.tables.table_names().into_iter().collect();
        names.extend(VIEWS.iter().map(|(name, _)| (*name).to_owned()));
        names.into_iter().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(name) = names().find(|other| *other == name) {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner).clone();
            self.clone().planned(views, name).await?;
        }
        self.tables.table(name).await
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.tables.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name) || names().any(|other| other == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_read_by(name: &'static str, grouping: &Grouping) -> BTreeSet<&'static str> {
        let read = read_by(name, grouping);
        read.iter().flat_map(|other| all_read_by(other, grouping)).chain([name]).collect()
    }

    #[test]
    fn what_is_read_for_a_view_is_found_in_its_text() {
        let read = all_read_by("policy_status", &Grouping::Every);
        assert!(
            ["newest_policy_runs", "evaluations", "counts", "grouped_counts", "grouped_cells", "viewed_issue_counts"]
                .iter()
                .all(|view| read.contains(view)),
            "{read:?}"
        );
        assert!(!read.contains("honest_score") && !read.contains("messages"), "{read:?}");
        let read = all_read_by("policy_status", &Grouping::Whole);
        assert!(!read.contains("grouped_cells"), "counting all groups anew is for whoever looks at groups: {read:?}");
    }
}
