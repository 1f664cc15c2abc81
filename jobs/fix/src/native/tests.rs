//! Fixes whose APIs the emulator lacks, on answers in the shape that AWS documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::fix::{FixError, Job, Made};
use crate::testing::{Stub, live, none, parameters, target};

const RULES: &str = "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet>\
    <item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item>\
    <item><securityGroupRuleId>sgr-2</securityGroupRuleId><groupId>sg-1</groupId><isEgress>true</isEgress><ipProtocol>-1</ipProtocol><cidrIpv4>0.0.0.0/0</cidrIpv4></item>\
    </securityGroupRuleSet></DescribeSecurityGroupRulesResponse>";
const NO_RULES: &str =
    "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet/></DescribeSecurityGroupRulesResponse>";
const GROUP: &str = "<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-1</groupId><groupName>search</groupName><groupDescription>d</groupDescription><vpcId>vpc-1</vpcId>\
    <ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item></ipPermissions>\
    </item></securityGroupInfo></DescribeSecurityGroupsResponse>";
const NO_GROUPS: &str = "<DescribeSecurityGroupsResponse><securityGroupInfo/></DescribeSecurityGroupsResponse>";

fn fix(id: &str) -> Arc<dyn crate::fix::Fix> {
    super::fixes().into_iter().find(|fix| fix.about().id.as_str() == id).unwrap()
}

/// A domain whose groups are swapped and given back.
async fn swapped(id: &str, asset_type: &str, describe: &'static str, update: &'static str) {
    let is_swapped = Arc::new(AtomicBool::new(false));
    let now = is_swapped.clone();
    let stub = Stub::new(move |operation, body| {
        let groups = if now.load(Ordering::Relaxed) { "sg-9" } else { "sg-1" };
        let answer = match operation {
            operation if operation == describe => {
                json!({"DomainStatus": {"DomainName": "search", "VPCOptions": {"VPCId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": [groups]}}}).to_string()
            }
            operation if operation == update => {
                now.store(body.contains("sg-9"), Ordering::Relaxed);
                "{\"DomainConfig\": {}}".to_owned()
            }
            "DescribeSecurityGroupRules" if body.contains("sg-1") => RULES.to_owned(),
            "DescribeSecurityGroupRules" => NO_RULES.to_owned(),
            "DescribeSecurityGroups" if body.contains("GroupId.1=sg-1") => GROUP.to_owned(),
            "DescribeSecurityGroups" => NO_GROUPS.to_owned(),
            "CreateSecurityGroup" => "<CreateSecurityGroupResponse><groupId>sg-9</groupId></CreateSecurityGroupResponse>".to_owned(),
            _ => "<Response><return>true</return></Response>".to_owned(),
        };
        (200, answer)
    });
    let fix = fix(id);
    let target = target(asset_type, json!({ "domain_name": "search", "vpc_options": { "subnet_ids": ["subnet-1"] } }));
    let parameters = parameters(json!({ "method": "swap", "despite_references": false }));
    let live = live(&stub, true);
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let before = fix.read(job, &Made::new()).await.unwrap();
    assert!(!fix.is_good(job, &before).unwrap());
    let made = fix.apply(job, &before).await.unwrap();
    let sent: serde_json::Value = serde_json::from_str(&stub.sent(update)[0]).unwrap();
    assert_eq!(sent, json!({"VPCOptions": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-9"]}}));
    let copied = &stub.sent("AuthorizeSecurityGroupIngress")[0];
    assert!(copied.contains("10.0.0.0%2F8") && !copied.contains("0.0.0.0%2F0"), "{copied}");
    let after = fix.read(job, &made).await.unwrap();
    assert!(fix.is_good(job, &after).unwrap());
    fix.undo(job, &before, &after, &made).await.unwrap();
    assert_eq!(fix.differences(&before, &fix.read(job, &made).await.unwrap()), Vec::<String>::new());
}

#[tokio::test]
async fn the_groups_of_a_domain_are_swapped_and_given_back() {
    swapped("aws-opensearch-close-domain", "aws_opensearch_domain", "DescribeDomain", "UpdateDomainConfig").await;
    let (describe, update) = ("DescribeElasticsearchDomain", "UpdateElasticsearchDomainConfig");
    swapped("aws-elasticsearch-close-domain", "aws_elasticsearch_domain", describe, update).await;
}

#[tokio::test]
async fn the_rule_of_a_cluster_is_removed_and_added_again() {
    let is_removed = Arc::new(AtomicBool::new(false));
    let now = is_removed.clone();
    let stub = Stub::new(move |operation, _| {
        let answer = match operation {
            "DescribeClusters" => {
                "<DescribeClustersResponse><DescribeClustersResult><Clusters><Cluster><VpcSecurityGroups><VpcSecurityGroup><VpcSecurityGroupId>sg-1</VpcSecurityGroupId></VpcSecurityGroup></VpcSecurityGroups></Cluster></Clusters></DescribeClustersResult></DescribeClustersResponse>"
            }
            "DescribeSecurityGroupRules" if now.load(Ordering::Relaxed) => NO_RULES,
            "DescribeSecurityGroupRules" => RULES,
            "DescribeSecurityGroups" => NO_GROUPS,
            "RevokeSecurityGroupIngress" | "AuthorizeSecurityGroupIngress" => {
                now.store(operation.starts_with("Revoke"), Ordering::Relaxed);
                "<Response><return>true</return></Response>"
            }
            other => panic!("{other} is not expected"),
        };
        (200, answer.to_owned())
    });
    let fix = fix("aws-redshift-close-cluster");
    let target = target("aws_redshift_cluster", json!({ "cluster_identifier": "facts" }));
    let (live, parameters) = (live(&stub, true), none());
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let before = fix.read(job, &Made::new()).await.unwrap();
    assert_eq!(
        fix.changes(job, &before).unwrap(),
        ["ec2:RevokeSecurityGroupIngress sg-1 sgr-1 (tcp 443 from 0.0.0.0/0)"]
    );
    let made = fix.apply(job, &before).await.unwrap();
    let after = fix.read(job, &made).await.unwrap();
    assert!(fix.is_good(job, &after).unwrap());
    fix.undo(job, &before, &after, &made).await.unwrap();
    assert_eq!(fix.read(job, &made).await.unwrap(), before);
}

#[tokio::test]
async fn the_policy_of_an_elasticsearch_domain_loses_only_what_lets_everyone_in() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "es:*", "Resource": "*"}]}).to_string();
    let now = Arc::new(std::sync::Mutex::new(policy.clone()));
    let held = now.clone();
    let stub = Stub::new(move |operation, body| {
        if operation == "UpdateElasticsearchDomainConfig" {
            let sent: serde_json::Value = serde_json::from_str(body).unwrap();
            *held.lock().unwrap() = sent["AccessPolicies"].as_str().unwrap().to_owned();
        }
        (200, json!({"DomainStatus": {"AccessPolicies": *held.lock().unwrap()}}).to_string())
    });
    let fix = fix("aws-elasticsearch-close-policy");
    let target = target("aws_elasticsearch_domain", json!({ "domain_name": "search" }));
    let (live, parameters) = (live(&stub, true), none());
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let before = fix.read(job, &Made::new()).await.unwrap();
    assert!(!fix.is_good(job, &before).unwrap());
    let made = fix.apply(job, &before).await.unwrap();
    assert_eq!(*now.lock().unwrap(), "", "nothing is left, and nothing is denied");
    let after = fix.read(job, &made).await.unwrap();
    assert!(fix.is_good(job, &after).unwrap());
    fix.undo(job, &before, &after, &made).await.unwrap();
    assert_eq!(*now.lock().unwrap(), policy);
}

#[tokio::test]
async fn a_guard_that_says_no_is_asked_before_every_change() {
    let stub = Stub::new(|operation, _| match operation {
        "DescribeSecurityGroupRules" => (200, RULES.to_owned()),
        other => panic!("{other} was sent"),
    });
    let fix = fix("aws-vpc-close-group");
    let target = target("aws_vpc_security_group", json!({ "group_id": "sg-1" }));
    let (live, parameters) = (live(&stub, false), none());
    let job = Job { target: &target, parameters: &parameters, live: &live };
    let before = fix.read(job, &Made::new()).await.unwrap();
    assert!(matches!(fix.apply(job, &before).await, Err(FixError::Stopped { .. })));
    assert!(!live.has_changed());
}
