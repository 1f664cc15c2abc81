//! What security groups are attached to, by kind of asset: how they are read and how they are replaced.

use pacbot_schemas::Protocol;
use serde_json::{Value, json};

use super::super::api::{Api, EC2, paths};
use super::Interface;
use crate::fix::{FixError, Job};
use crate::state::values_at;

/// A kind of asset that has security groups.
pub(super) struct Holder {
    pub(super) fix: &'static str,
    pub(super) noun: &'static str,
    pub(super) asset_type: &'static str,
    pub(super) permissions: &'static [&'static str],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Group,
    Instance,
    Classic,
    Application,
    Database,
    Warehouse,
    Elasticsearch,
    Opensearch,
}

const fn query(service: &'static str, version: &'static str) -> Api {
    Api { service, protocol: Protocol::Query, version, target: "" }
}

const CLASSIC: Api = query("elasticloadbalancing", "2012-06-01");
const APPLICATION: Api = query("elasticloadbalancing", "2015-12-01");
const RDS: Api = query("rds", "2014-10-31");
const REDSHIFT: Api = query("redshift", "2012-12-01");
const ES: Api = Api { service: "es", protocol: Protocol::RestJson, version: "", target: "" };

pub(super) const HOLDERS: [Holder; 8] = [
    Holder {
        fix: "aws-vpc-close-group",
        noun: "security group",
        asset_type: "aws_vpc_security_group",
        permissions: &[],
        kind: Kind::Group,
    },
    Holder {
        fix: "aws-ec2-close-instance",
        noun: "instance",
        asset_type: "aws_ec2_instance",
        permissions: &["ec2:DescribeInstances", "ec2:ModifyNetworkInterfaceAttribute"],
        kind: Kind::Instance,
    },
    Holder {
        fix: "aws-elb-close-classic-load-balancer",
        noun: "classic load balancer",
        asset_type: "aws_ec2_classic_load_balancer",
        permissions: &[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
        ],
        kind: Kind::Classic,
    },
    Holder {
        fix: "aws-elb-close-application-load-balancer",
        noun: "application load balancer",
        asset_type: "aws_ec2_application_load_balancer",
        permissions: &["elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:SetSecurityGroups"],
        kind: Kind::Application,
    },
    Holder {
        fix: "aws-rds-close-instance",
        noun: "database instance",
        asset_type: "aws_rds_db_instance",
        permissions: &["rds:DescribeDBInstances", "rds:ModifyDBInstance"],
        kind: Kind::Database,
    },
    Holder {
        fix: "aws-redshift-close-cluster",
        noun: "Redshift cluster",
        asset_type: "aws_redshift_cluster",
        permissions: &["redshift:DescribeClusters", "redshift:ModifyCluster"],
        kind: Kind::Warehouse,
    },
    Holder {
        fix: "aws-elasticsearch-close-domain",
        noun: "Elasticsearch domain in a VPC",
        asset_type: "aws_elasticsearch_domain",
        permissions: &["es:DescribeElasticsearchDomain", "es:UpdateElasticsearchDomainConfig"],
        kind: Kind::Elasticsearch,
    },
    Holder {
        fix: "aws-opensearch-close-domain",
        noun: "OpenSearch domain in a VPC",
        asset_type: "aws_opensearch_domain",
        permissions: &["es:DescribeDomain", "es:UpdateDomainConfig"],
        kind: Kind::Opensearch,
    },
];

impl Holder {
    /// Whether another group can take the place of one.
    pub(super) fn can_swap(&self) -> bool {
        self.kind != Kind::Group
    }

    /// What has groups, and which.
    pub(super) async fn interfaces(&self, job: Job<'_>) -> Result<Vec<Interface>, FixError> {
        let target = job.target;
        let (call, path) = match self.kind {
            Kind::Group => {
                let id = target.text("group_id")?.to_owned();
                return Ok(vec![Interface { groups: vec![id.clone()], id }]);
            }
            Kind::Instance => return self.network_interfaces(job).await,
            Kind::Classic => {
                let input = json!({ "LoadBalancerNames": [target.text("load_balancer_name")?] });
                (CLASSIC.call("DescribeLoadBalancers", &input)?, "LoadBalancerDescriptions[].SecurityGroups[]")
            }
            Kind::Application => {
                let input = json!({ "LoadBalancerArns": [target.text("arn")?] });
                (APPLICATION.call("DescribeLoadBalancers", &input)?, "LoadBalancers[].SecurityGroups[]")
            }
            Kind::Database => {
                let input = json!({ "DBInstanceIdentifier": target.text("db_instance_identifier")? });
                let path = "DBInstances.DBInstance[].VpcSecurityGroups.VpcSecurityGroupMembership[].VpcSecurityGroupId";
                (RDS.call("DescribeDBInstances", &input)?, path)
            }
            Kind::Warehouse => {
                let input = json!({ "ClusterIdentifier": target.text("cluster_identifier")? });
                let path = "Clusters.Cluster[].VpcSecurityGroups.VpcSecurityGroup[].VpcSecurityGroupId";
                (REDSHIFT.call("DescribeClusters", &input)?, path)
            }
            Kind::Elasticsearch | Kind::Opensearch => {
                let call = ES.rest("GET", &self.uri(job, "")?, self.describe(), &json!({}))?;
                (call, "DomainStatus.VPCOptions.SecurityGroupIds[]")
            }
        };
        let path = paths(&[path]);
        let answer = job.live.ask(&job.live.scope(target, None), call, &path, false).await?;
        let found = path.first().map(|path| values_at(&answer.json, path)).unwrap_or_default();
        let groups = found.into_iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(vec![Interface { id: target.asset_id.clone(), groups }])
    }

    async fn network_interfaces(&self, job: Job<'_>) -> Result<Vec<Interface>, FixError> {
        let instance = job.target.text("instance_id")?;
        let call = EC2.call("DescribeInstances", &json!({ "InstanceId": [instance] }))?;
        let lists = paths(&["reservationSet[].instancesSet[].networkInterfaceSet[].groupSet[]"]);
        let answer = job.live.ask(&job.live.scope(job.target, None), call, &lists, false).await?;
        let path = paths(&["reservationSet[].instancesSet[].networkInterfaceSet[]"]);
        let found = path.first().map(|path| values_at(&answer.json, path)).unwrap_or_default();
        let interface = |value: &Value| {
            let id = value.get("networkInterfaceId")?.as_str()?.to_owned();
            let groups = value.get("groupSet")?.as_array()?.iter();
            Some(Interface {
                id,
                groups: groups.filter_map(|group| Some(group.get("groupId")?.as_str()?.to_owned())).collect(),
            })
        };
        let mut interfaces: Vec<Interface> = found
            .into_iter()
            .map(|value| {
                interface(value).ok_or_else(|| FixError::unexpected("a network interface has no id or groups"))
            })
            .collect::<Result<_, _>>()?;
        interfaces.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(interfaces)
    }

    /// Replaces the groups of what `interfaces` named.
    pub(super) async fn attach(&self, job: Job<'_>, id: &str, groups: &[String]) -> Result<(), FixError> {
        let target = job.target;
        let call = match self.kind {
            Kind::Group => return Err(FixError::unexpected("a group has no groups")),
            Kind::Instance => EC2.call(
                "ModifyNetworkInterfaceAttribute",
                &json!({ "NetworkInterfaceId": id, "SecurityGroupId": groups }),
            ),
            Kind::Classic => {
                let input = json!({ "LoadBalancerName": target.text("load_balancer_name")?, "SecurityGroups": groups });
                CLASSIC.call("ApplySecurityGroupsToLoadBalancer", &input)
            }
            Kind::Application => {
                let input = json!({ "LoadBalancerArn": target.text("arn")?, "SecurityGroups": groups });
                APPLICATION.call("SetSecurityGroups", &input)
            }
            Kind::Database => {
                let input = json!({
                    "DBInstanceIdentifier": target.text("db_instance_identifier")?,
                    "VpcSecurityGroupIds.VpcSecurityGroupId": groups,
                    "ApplyImmediately": true,
                });
                RDS.call("ModifyDBInstance", &input)
            }
            Kind::Warehouse => {
                let input = json!({
                    "ClusterIdentifier": target.text("cluster_identifier")?,
                    "VpcSecurityGroupIds.VpcSecurityGroupId": groups,
                });
                REDSHIFT.call("ModifyCluster", &input)
            }
            Kind::Elasticsearch | Kind::Opensearch => {
                let options = target.asset.get("vpc_options").and_then(|options| options.get("subnet_ids"));
                let options = json!({ "SubnetIds": options.cloned().unwrap_or(json!([])), "SecurityGroupIds": groups });
                let (uri, update) = (self.uri(job, "/config")?, self.update());
                ES.rest("POST", &uri, update, &json!({ "VPCOptions": options }))
            }
        };
        job.live.call(&job.live.scope(target, None), call?, true).await.map(drop)
    }

    fn uri(&self, job: Job<'_>, end: &str) -> Result<String, FixError> {
        let name = job.target.text("domain_name")?;
        let begin = if self.kind == Kind::Opensearch { "/2021-01-01/opensearch" } else { "/2015-01-01/es" };
        Ok(format!("{begin}/domain/{name}{end}"))
    }

    fn describe(&self) -> &'static str {
        if self.kind == Kind::Opensearch { "DescribeDomain" } else { "DescribeElasticsearchDomain" }
    }

    fn update(&self) -> &'static str {
        if self.kind == Kind::Opensearch { "UpdateDomainConfig" } else { "UpdateElasticsearchDomainConfig" }
    }
}
