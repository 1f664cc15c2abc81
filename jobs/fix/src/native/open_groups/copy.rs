//! Copies of security groups without some of their rules. A copy is found again by its tags, so that a killed run makes
//! no second one and undo finds all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::api::{EC2, paths};
use super::rules::Rule;
use crate::fix::{FixError, Job};
use crate::state::values_at;

/// The tag that says which issue a copy was made for.
const ISSUE_TAG: &str = "pacbot:fix";
/// The tag that says of which group it is a copy.
const ORIGINAL_TAG: &str = "pacbot:copy-of";

const GROUP_LISTS: [&str; 8] = [
    "securityGroupInfo[].ipPermissions[].ipRanges[]",
    "securityGroupInfo[].ipPermissions[].ipv6Ranges[]",
    "securityGroupInfo[].ipPermissions[].prefixListIds[]",
    "securityGroupInfo[].ipPermissions[].groups[]",
    "securityGroupInfo[].ipPermissionsEgress[].ipRanges[]",
    "securityGroupInfo[].ipPermissionsEgress[].ipv6Ranges[]",
    "securityGroupInfo[].ipPermissionsEgress[].prefixListIds[]",
    "securityGroupInfo[].ipPermissionsEgress[].groups[]",
];

async fn groups(job: Job<'_>, input: Value) -> Result<Vec<Value>, FixError> {
    let scope = job.live.scope(job.target, None);
    let answer = job.live.ask(&scope, EC2.call("DescribeSecurityGroups", &input)?, &paths(&GROUP_LISTS), false).await?;
    let path = paths(&["securityGroupInfo[]"]);
    Ok(path.first().map(|path| values_at(&answer.json, path)).unwrap_or_default().into_iter().cloned().collect())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Refuses if other groups let in what comes from one of these: it would no longer come from the asset.
pub(super) async fn refuse_references(job: Job<'_>, swapped: &BTreeSet<&String>) -> Result<(), FixError> {
    let found = groups(job, json!({ "Filter": [{ "Name": "ip-permission.group-id", "Value": swapped }] })).await?;
    let others: Vec<&str> =
        found.iter().map(|group| text(group, "groupId")).filter(|id| !swapped.iter().any(|own| own == id)).collect();
    if others.is_empty() {
        return Ok(());
    }
    let reason =
        format!("{} let in what comes from the group; set `despite_references`, or use `remove`", others.join(", "));
    Err(FixError::Refused { reason })
}

/// Makes, or finds, the copy of a group without some rules.
pub(super) async fn made(job: Job<'_>, group_id: &str, without: &[&Rule]) -> Result<String, FixError> {
    let issue = job.target.issue_id.as_str();
    let tagged = |key: &str, value: &str| json!({ "Name": format!("tag:{key}"), "Value": [value] });
    let before = groups(job, json!({ "Filter": [tagged(ISSUE_TAG, issue), tagged(ORIGINAL_TAG, group_id)] })).await?;
    if let Some(copy) = before.first() {
        // What a killed run began is made anew, so that no rule is missing in it.
        delete(job, text(copy, "groupId")).await?;
    }
    let found = groups(job, json!({ "GroupId": [group_id] })).await?;
    let original = found.first().ok_or_else(|| FixError::unexpected(format!("there is no group `{group_id}`")))?;
    let scope = job.live.scope(job.target, None);
    let short: String = issue.chars().take(8).collect();
    let tags = json!([{ "Key": ISSUE_TAG, "Value": issue }, { "Key": ORIGINAL_TAG, "Value": group_id }]);
    let input = json!({
        "GroupName": format!("{}-pacbot-{short}", text(original, "groupName")),
        "GroupDescription": text(original, "groupDescription"),
        "VpcId": text(original, "vpcId"),
        "TagSpecification": [{ "ResourceType": "security-group", "Tag": tags }],
    });
    let answer = job.live.ask(&scope, EC2.call("CreateSecurityGroup", &input)?, &[], true).await?;
    let copy = text(&answer.json, "groupId").to_owned();
    if copy.is_empty() {
        return Err(FixError::unexpected("the new group has no id"));
    }
    let everything = json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
    let incoming = kept(original.get("ipPermissions"), without);
    let outgoing = kept(original.get("ipPermissionsEgress"), &[]);
    let calls = [
        ("RevokeSecurityGroupEgress", everything),
        ("AuthorizeSecurityGroupIngress", incoming),
        ("AuthorizeSecurityGroupEgress", outgoing),
    ];
    for (operation, permissions) in calls {
        if permissions.as_array().is_some_and(|list| !list.is_empty()) {
            let call = EC2.call(operation, &json!({ "GroupId": copy, "IpPermissions": permissions }))?;
            job.live.call(&scope, call, true).await?;
        }
    }
    Ok(copy)
}

/// A group's permissions but for the ranges of some rules.
fn kept(permissions: Option<&Value>, without: &[&Rule]) -> Value {
    let mut kept = permissions.and_then(Value::as_array).cloned().unwrap_or_default();
    for permission in &mut kept {
        let port = |name: &str| {
            let value = permission.get(name)?;
            value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|port| *port >= 0)
        };
        let (protocol, from, to) = (text(permission, "ipProtocol").to_owned(), port("fromPort"), port("toPort"));
        let is_closed = |cidr: &str| {
            without.iter().any(|rule| {
                rule.cidr == cidr && rule.protocol == protocol && rule.from_port == from && rule.to_port == to
            })
        };
        for (list, name) in [("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6")] {
            if let Some(ranges) = permission.get_mut(list).and_then(Value::as_array_mut) {
                ranges.retain(|range| !is_closed(text(range, name)));
            }
        }
    }
    let lists = ["ipRanges", "ipv6Ranges", "prefixListIds", "groups"];
    kept.retain(|permission| {
        lists.iter().any(|list| permission.get(list).and_then(Value::as_array).is_some_and(|items| !items.is_empty()))
    });
    Value::Array(kept)
}

async fn delete(job: Job<'_>, group_id: &str) -> Result<(), FixError> {
    let scope = job.live.scope(job.target, None);
    let call = EC2.call("DeleteSecurityGroup", &json!({ "GroupId": group_id }))?;
    job.live.call(&scope, call, true).await.map(drop)
}

/// Deletes every copy that was made for the issue.
pub(super) async fn delete_all(job: Job<'_>) -> Result<(), FixError> {
    let filter = json!({ "Name": format!("tag:{ISSUE_TAG}"), "Value": [job.target.issue_id] });
    for copy in groups(job, json!({ "Filter": [filter] })).await? {
        delete(job, text(&copy, "groupId")).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_range_is_left_out() {
        let permissions = json!([
            { "ipProtocol": "tcp", "fromPort": "22", "toPort": "22", "ipRanges": [{ "cidrIp": "0.0.0.0/0" }, { "cidrIp": "10.0.0.0/8" }] },
            { "ipProtocol": "tcp", "fromPort": "23", "toPort": "23", "ipRanges": [{ "cidrIp": "0.0.0.0/0" }] },
            { "ipProtocol": "-1", "ipRanges": [{ "cidrIp": "0.0.0.0/0" }], "ipv6Ranges": [] },
        ]);
        let rule = |protocol: &str, port: Option<i64>| Rule {
            id: "sgr-1".to_owned(),
            group_id: "sg-1".to_owned(),
            protocol: protocol.to_owned(),
            from_port: port,
            to_port: port,
            cidr: "0.0.0.0/0".to_owned(),
            description: None,
        };
        let (ssh, all) = (rule("tcp", Some(22)), rule("-1", None));
        let kept = kept(Some(&permissions), &[&ssh, &all]);
        let expected = json!([
            { "ipProtocol": "tcp", "fromPort": "22", "toPort": "22", "ipRanges": [{ "cidrIp": "10.0.0.0/8" }] },
            { "ipProtocol": "tcp", "fromPort": "23", "toPort": "23", "ipRanges": [{ "cidrIp": "0.0.0.0/0" }] },
        ]);
        assert_eq!(kept, expected);
    }
}
