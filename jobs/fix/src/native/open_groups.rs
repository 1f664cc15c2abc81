//! Closes what security groups open to the whole internet, for one asset: either the rule is removed from the group, or
//! the asset gets a copy of the group without it.
//!
//! Exactly the rules are closed that the violating row names (`… by rule sgr-…`); a row that names none means every rule
//! for 0.0.0.0/0 and ::/0.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::api::Told;
use crate::fix::{About, Fix, FixError, Job, Made, State};

mod copy;
mod holder;
mod rules;

use holder::{HOLDERS, Holder};
use rules::Rule;

/// Closes the groups of one kind of asset.
struct OpenGroups {
    about: About,
    holder: &'static Holder,
}

pub(super) const PARAMETERS: &str = "
[method]
type    = \"string\"
default = \"remove\"
doc     = \"`remove` takes the rule out of the group, for all that use it; `swap` gives this asset a copy of the group without the rule.\"

[despite_references]
type    = \"bool\"
default = false
doc     = \"Whether a group is swapped that other groups name: what they let in from it no longer comes from this asset.\"
";

const PERMISSIONS: [&str; 9] = [
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:CreateSecurityGroup",
    "ec2:DeleteSecurityGroup",
    "ec2:CreateTags",
];

pub(super) fn fixes() -> Vec<Arc<dyn Fix>> {
    let made = HOLDERS.iter().filter_map(|holder| {
        let permissions: Vec<&str> = PERMISSIONS.iter().chain(holder.permissions).copied().collect();
        let about = Told {
            id: holder.fix,
            title: format!("Close what the security groups of the {} open to everyone", holder.noun),
            does: format!(
                "Closes the rules for 0.0.0.0/0 and ::/0 that the violation names. With `method = \"remove\"` they are removed \
                 from the group, which all of its users feel; with `swap` only the {} gets a copy of the group without them.",
                holder.noun
            ),
            undoes: "Adds the removed rules again (with new ids), or gives back the groups that were there and deletes the copies."
                .to_owned(),
            types: &[holder.asset_type],
            permissions: &permissions,
            parameters: PARAMETERS,
        };
        Some(Arc::new(OpenGroups { about: about.about()?, holder }) as Arc<dyn Fix>)
    });
    made.collect()
}

/// The state of a holder: its network interfaces with their groups, and the groups' rules for everyone.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Groups {
    interfaces: Vec<Interface>,
    open: Vec<Rule>,
}

/// What groups are attached to: a network interface, or the asset itself.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Interface {
    id: String,
    groups: Vec<String>,
}

impl Groups {
    fn of(state: &State) -> Result<Self, FixError> {
        let value = Value::Object(state.0.clone());
        serde_json::from_value(value).map_err(|error| FixError::unexpected(error.to_string()))
    }

    fn state(&self) -> State {
        let fields = [("interfaces", json!(self.interfaces)), ("open", json!(self.open))];
        State(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The rules that are to be closed.
    fn meant(&self, job: Job<'_>) -> Vec<&Rule> {
        let named = named_rules(&job.target.reason);
        self.open.iter().filter(|rule| named.is_empty() || named.contains(rule.id.as_str())).collect()
    }
}

/// The ids of rules in a violation's text.
fn named_rules(reason: &str) -> BTreeSet<&str> {
    let words = reason.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.starts_with("sgr-")).collect()
}

fn is_swap(job: Job<'_>) -> Result<bool, FixError> {
    match job.parameters.get("method").and_then(Value::as_str) {
        Some("swap") => Ok(true),
        Some("remove") | None => Ok(false),
        Some(other) => Err(FixError::Refused { reason: format!("`method` is `{other}`; it is `remove` or `swap`") }),
    }
}

#[async_trait]
impl Fix for OpenGroups {
    fn about(&self) -> &About {
        &self.about
    }

    async fn read(&self, job: Job<'_>, _made: &Made) -> Result<State, FixError> {
        let mut interfaces = self.holder.interfaces(job).await?;
        interfaces.iter_mut().for_each(|interface| interface.groups.sort());
        let groups: BTreeSet<&String> = interfaces.iter().flat_map(|interface| &interface.groups).collect();
        let open = rules::open(job, &groups).await?;
        Ok(Groups { interfaces, open }.state())
    }

    fn is_good(&self, job: Job<'_>, state: &State) -> Result<bool, FixError> {
        Ok(Groups::of(state)?.meant(job).is_empty())
    }

    fn changes(&self, job: Job<'_>, before: &State) -> Result<Vec<String>, FixError> {
        let groups = Groups::of(before)?;
        let swap = is_swap(job)?;
        if swap && !self.holder.can_swap() {
            return Err(FixError::Refused {
                reason: "a group is not swapped for itself; use `method = \"remove\"`".to_owned(),
            });
        }
        let line = |rule: &&Rule| {
            if swap {
                format!("a copy of {} without {rule} takes its place", rule.group_id)
            } else {
                format!("ec2:RevokeSecurityGroupIngress {} {rule}", rule.group_id)
            }
        };
        Ok(groups.meant(job).iter().map(line).collect())
    }

    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError> {
        let groups = Groups::of(before)?;
        let meant = groups.meant(job);
        if !is_swap(job)? {
            return rules::revoke(job, &meant).await.map(|()| Made::new());
        }
        let open: BTreeSet<&String> = meant.iter().map(|rule| &rule.group_id).collect();
        if job.parameters.get("despite_references") != Some(&Value::Bool(true)) {
            copy::refuse_references(job, &open).await?;
        }
        let mut copies = Made::new();
        for group in open {
            let without: Vec<&Rule> = meant.iter().filter(|rule| rule.group_id == *group).copied().collect();
            copies.insert(group.clone(), copy::made(job, group, &without).await?.into());
        }
        for interface in &groups.interfaces {
            let swapped = |group: &String| copies.get(group).and_then(Value::as_str).unwrap_or(group).to_owned();
            let wanted: Vec<String> = interface.groups.iter().map(swapped).collect();
            if wanted != interface.groups {
                self.holder.attach(job, &interface.id, &wanted).await?;
            }
        }
        Ok(copies)
    }

    async fn undo(&self, job: Job<'_>, before: &State, now: &State, made: &Made) -> Result<Made, FixError> {
        let (before, now) = (Groups::of(before)?, Groups::of(now)?);
        for interface in &before.interfaces {
            let is_same = now.interfaces.iter().any(|other| other == interface);
            if !is_same && self.holder.can_swap() {
                self.holder.attach(job, &interface.id, &interface.groups).await?;
            }
        }
        let groups: BTreeSet<&String> = before.interfaces.iter().flat_map(|interface| &interface.groups).collect();
        let there = rules::open(job, &groups).await?;
        let gone: Vec<&Rule> =
            before.open.iter().filter(|rule| !there.iter().any(|other| other.is_same(rule))).collect();
        rules::authorize(job, &gone).await?;
        copy::delete_all(job).await?;
        Ok(made.clone())
    }

    fn differences(&self, before: &State, now: &State) -> Vec<String> {
        let (Ok(before), Ok(now)) = (Groups::of(before), Groups::of(now)) else { return vec!["all".to_owned()] };
        let mut differences = Vec::new();
        if before.interfaces != now.interfaces {
            differences.push("interfaces".to_owned());
        }
        // A rule that was added again has another id.
        let covers =
            |some: &[Rule], others: &[Rule]| some.iter().all(|rule| others.iter().any(|other| other.is_same(rule)));
        if !covers(&before.open, &now.open) || !covers(&now.open, &before.open) {
            differences.push("open".to_owned());
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_violation_names_its_rules() {
        let reason = "tcp 22 is open to 0.0.0.0/0 by rule sgr-0a1, tcp 22 is open to ::/0 by rule sgr-0b2";
        assert_eq!(named_rules(reason), BTreeSet::from(["sgr-0a1", "sgr-0b2"]));
        assert!(named_rules("the cluster has a public address").is_empty());
    }
}
