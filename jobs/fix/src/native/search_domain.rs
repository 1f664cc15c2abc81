//! Keeps everyone out of a search domain: by its security groups where it is in a VPC, else by its access policy.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::api::Told;
use super::open_groups::PARAMETERS;
use crate::fix::{About, Fix, FixError, Job, Made, State};

struct SearchDomain {
    about: About,
    groups: Arc<dyn Fix>,
    policy: Arc<dyn Fix>,
}

/// One for each kind of domain, made of two of `parts`.
pub(super) fn fixes(parts: &[Arc<dyn Fix>]) -> Vec<Arc<dyn Fix>> {
    let part = |id: String| parts.iter().find(|fix| fix.about().id.as_str() == id).cloned();
    let kinds = [("elasticsearch", "aws_elasticsearch_domain"), ("opensearch", "aws_opensearch_domain")];
    let made = kinds.into_iter().filter_map(|(kind, asset_type)| {
        let (groups, policy) = (part(format!("aws-{kind}-close-domain"))?, part(format!("aws-{kind}-close-policy"))?);
        let permissions: Vec<&str> =
            [&groups, &policy].into_iter().flat_map(|fix| &fix.about().permissions).map(String::as_str).collect();
        let about = Told {
            id: &format!("aws-{kind}-make-private"),
            title: "Keep everyone out of the domain".to_owned(),
            does: format!("In a VPC: {} Else: {}", groups.about().does, policy.about().does),
            undoes: format!("In a VPC: {} Else: {}", groups.about().undoes, policy.about().undoes),
            types: &[asset_type],
            permissions: &permissions,
            parameters: PARAMETERS,
        };
        Some(Arc::new(SearchDomain { about: about.about()?, groups, policy }) as Arc<dyn Fix>)
    });
    made.collect()
}

impl SearchDomain {
    fn part(&self, job: Job<'_>) -> &dyn Fix {
        let vpc = job.target.asset.get("vpc_options").and_then(|options| options.get("vpc_id"));
        let is_in_vpc = vpc.and_then(Value::as_str).is_some_and(|id| !id.is_empty());
        if is_in_vpc { &*self.groups } else { &*self.policy }
    }
}

#[async_trait]
impl Fix for SearchDomain {
    fn about(&self) -> &About {
        &self.about
    }

    async fn read(&self, job: Job<'_>, made: &Made) -> Result<State, FixError> {
        self.part(job).read(job, made).await
    }

    fn is_good(&self, job: Job<'_>, state: &State) -> Result<bool, FixError> {
        self.part(job).is_good(job, state)
    }

    fn changes(&self, job: Job<'_>, before: &State) -> Result<Vec<String>, FixError> {
        self.part(job).changes(job, before)
    }

    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError> {
        self.part(job).apply(job, before).await
    }

    async fn undo(&self, job: Job<'_>, before: &State, now: &State, made: &Made) -> Result<Made, FixError> {
        self.part(job).undo(job, before, now, made).await
    }

    fn differences(&self, before: &State, now: &State) -> Vec<String> {
        // The state of a policy has no interfaces.
        let part = if before.0.contains_key("interfaces") { &self.groups } else { &self.policy };
        part.differences(before, now)
    }
}
