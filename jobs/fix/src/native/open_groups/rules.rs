//! Incoming rules for everyone: found, removed, added again.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::api::{EC2, paths};
use crate::fix::{FixError, Job};
use crate::state::values_at;

/// One incoming rule for 0.0.0.0/0 or ::/0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) group_id: String,
    pub(super) protocol: String,
    pub(super) from_port: Option<i64>,
    pub(super) to_port: Option<i64>,
    pub(super) cidr: String,
    pub(super) description: Option<String>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.id, self.protocol)?;
        match (self.from_port, self.to_port) {
            (Some(from), Some(to)) if from == to => write!(f, " {from}")?,
            (Some(from), Some(to)) => write!(f, " {from}-{to}")?,
            _ => {}
        }
        write!(f, " from {})", self.cidr)
    }
}

impl Rule {
    /// Whether it lets in the same, whatever its id.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Self { id: String::new(), ..self.clone() } == Self { id: String::new(), ..other.clone() }
    }

    fn permission(&self) -> Value {
        let mut permission = Map::from_iter([("IpProtocol".to_owned(), json!(self.protocol))]);
        for (name, port) in [("FromPort", self.from_port), ("ToPort", self.to_port)] {
            // All traffic has no ports.
            if let Some(port) = port.filter(|_| self.protocol != "-1") {
                permission.insert(name.to_owned(), json!(port));
            }
        }
        let (list, name) = if self.cidr.contains(':') { ("Ipv6Ranges", "CidrIpv6") } else { ("IpRanges", "CidrIp") };
        let mut range = Map::from_iter([(name.to_owned(), json!(self.cidr))]);
        if let Some(description) = &self.description {
            range.insert("Description".to_owned(), json!(description));
        }
        permission.insert(list.to_owned(), json!([range]));
        Value::Object(permission)
    }
}

/// The rules for everyone of some groups, sorted.
pub(super) async fn open(job: Job<'_>, groups: &BTreeSet<&String>) -> Result<Vec<Rule>, FixError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let scope = job.live.scope(job.target, None);
    let input = json!({ "Filter": [{ "Name": "group-id", "Value": groups }] });
    let list = paths(&["securityGroupRuleSet[]"]);
    let answer = job.live.ask(&scope, EC2.call("DescribeSecurityGroupRules", &input)?, &list, false).await?;
    let mut rules = Vec::new();
    for rule in list.first().map(|path| values_at(&answer.json, path)).unwrap_or_default() {
        let text = |name: &str| rule.get(name).and_then(Value::as_str).map(str::to_owned);
        let port = |name: &str| {
            let value = rule.get(name)?;
            value.as_i64().or_else(|| value.as_str()?.parse().ok())
        };
        let is_egress = text("isEgress").as_deref() == Some("true") || rule.get("isEgress") == Some(&Value::Bool(true));
        let cidr = text("cidrIpv4").or_else(|| text("cidrIpv6")).unwrap_or_default();
        if is_egress || (cidr != "0.0.0.0/0" && cidr != "::/0") {
            continue;
        }
        let missing = || FixError::unexpected("a rule has no id, group or protocol");
        rules.push(Rule {
            id: text("securityGroupRuleId").ok_or_else(missing)?,
            group_id: text("groupId").ok_or_else(missing)?,
            protocol: text("ipProtocol").ok_or_else(missing)?,
            from_port: port("fromPort").filter(|port| *port >= 0),
            to_port: port("toPort").filter(|port| *port >= 0),
            cidr,
            description: text("description").filter(|text| !text.is_empty()),
        });
    }
    rules.sort_by(|one, other| {
        (&one.group_id, &one.protocol, one.from_port, &one.cidr, &one.id).cmp(&(
            &other.group_id,
            &other.protocol,
            other.from_port,
            &other.cidr,
            &other.id,
        ))
    });
    Ok(rules)
}

pub(super) async fn revoke(job: Job<'_>, rules: &[&Rule]) -> Result<(), FixError> {
    each_group(job, "RevokeSecurityGroupIngress", rules).await
}

pub(super) async fn authorize(job: Job<'_>, rules: &[&Rule]) -> Result<(), FixError> {
    each_group(job, "AuthorizeSecurityGroupIngress", rules).await
}

async fn each_group(job: Job<'_>, operation: &str, rules: &[&Rule]) -> Result<(), FixError> {
    let scope = job.live.scope(job.target, None);
    let groups: BTreeSet<&String> = rules.iter().map(|rule| &rule.group_id).collect();
    for group in groups {
        let of_group = rules.iter().filter(|rule| rule.group_id == *group);
        let permissions: Vec<Value> = of_group.map(|rule| rule.permission()).collect();
        let call = EC2.call(operation, &json!({ "GroupId": group, "IpPermissions": permissions }))?;
        job.live.call(&scope, call, true).await?;
    }
    Ok(())
}
