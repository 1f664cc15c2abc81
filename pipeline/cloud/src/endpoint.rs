//! Where a service is reached and for which region a request to it is signed.

use pacbot_schemas::{AccountId, Partition, Region};
use url::Url;

use crate::error::CallError;

/// A service's address for one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Scheme, host and, with an override, a path.
    pub(crate) url: Url,
    /// The region in the signature.
    pub(crate) signing_region: String,
}

/// Services with one endpoint for the whole partition: host prefix, then for `aws`, `aws-cn` and
/// `aws-us-gov` the host without its DNS suffix and the region in the signature.
///
/// From the partition rules of botocore's `endpoints.json`. A partition without an entry has the regional form.
type GlobalHost = Option<(&'static str, &'static str)>;
const GLOBAL: &[(&str, [GlobalHost; 3])] = &[
    ("account", [Some(("account.us-east-1", "us-east-1")), Some(("account.cn-northwest-1", "cn-northwest-1")), None]),
    ("budgets", [Some(("budgets", "us-east-1")), Some(("budgets", "cn-northwest-1")), None]),
    ("ce", [Some(("ce.us-east-1", "us-east-1")), Some(("ce.cn-northwest-1", "cn-northwest-1")), None]),
    ("cloudfront", [Some(("cloudfront", "us-east-1")), Some(("cloudfront.cn-northwest-1", "cn-northwest-1")), None]),
    ("cur", [Some(("cur.us-east-1", "us-east-1")), Some(("cur.cn-northwest-1", "cn-northwest-1")), None]),
    ("globalaccelerator", [Some(("globalaccelerator.us-west-2", "us-west-2")), None, None]),
    (
        "health",
        [
            Some(("health.us-east-1", "us-east-1")),
            Some(("health.cn-northwest-1", "cn-northwest-1")),
            Some(("health.us-gov-west-1", "us-gov-west-1")),
        ],
    ),
    (
        "iam",
        [Some(("iam", "us-east-1")), Some(("iam.cn-north-1", "cn-north-1")), Some(("iam.us-gov", "us-gov-west-1"))],
    ),
    (
        "networkmanager",
        [
            Some(("networkmanager.us-west-2", "us-west-2")),
            None,
            Some(("networkmanager.us-gov-west-1", "us-gov-west-1")),
        ],
    ),
    (
        "organizations",
        [
            Some(("organizations.us-east-1", "us-east-1")),
            Some(("organizations.cn-northwest-1", "cn-northwest-1")),
            Some(("organizations.us-gov-west-1", "us-gov-west-1")),
        ],
    ),
    (
        "route53",
        [
            Some(("route53", "us-east-1")),
            Some(("route53", "cn-northwest-1")),
            Some(("route53.us-gov", "us-gov-west-1")),
        ],
    ),
    ("route53domains", [Some(("route53domains.us-east-1", "us-east-1")), None, None]),
    ("savingsplans", [Some(("savingsplans", "us-east-1")), Some(("savingsplans", "cn-northwest-1")), None]),
    ("shield", [Some(("shield.us-east-1", "us-east-1")), None, None]),
    (
        "support",
        [
            Some(("support.us-east-1", "us-east-1")),
            Some(("support.cn-north-1", "cn-north-1")),
            Some(("support.us-gov-west-1", "us-gov-west-1")),
        ],
    ),
    ("trustedadvisor", [Some(("trustedadvisor.us-east-1", "us-east-1")), None, None]),
    ("waf", [Some(("waf", "us-east-1")), None, None]),
];

/// The region where a partition's global services sign and where its STS is asked.
///
/// STS is asked there by its regional endpoint: tokens of the global one mean nothing in opt-in regions.
pub(crate) fn global_region(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "us-east-1",
        Partition::AwsCn => "cn-north-1",
        Partition::AwsUsGov => "us-gov-west-1",
    }
}

/// The region's own name, or the partition's global region.
pub(crate) fn real_region(partition: Partition, region: &Region) -> &str {
    if region.is_global() { global_region(partition) } else { region.as_str() }
}

/// Resolves the host prefix of a service for a scope; `account` fills `{account_id}`.
///
/// With `custom`, everything goes to that URL and only the signing region depends on the rest.
pub(crate) fn resolve(
    partition: Partition,
    custom: Option<&Url>,
    prefix: &str,
    region: &Region,
    account: &AccountId,
) -> Result<Endpoint, CallError> {
    let column = match partition {
        Partition::Aws => 0,
        Partition::AwsCn => 1,
        Partition::AwsUsGov => 2,
    };
    let suffix = match partition {
        Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
        Partition::AwsCn => "amazonaws.com.cn",
    };
    let prefix = prefix.replace("{account_id}", account.as_str());
    let global = GLOBAL.iter().find(|(name, _)| *name == prefix).and_then(|(_, hosts)| hosts.get(column).copied()?);
    let (host, signing_region) = match global {
        Some((host, signing_region)) => (host.to_owned(), signing_region),
        None => {
            let region = real_region(partition, region);
            (format!("{prefix}.{region}"), region)
        }
    };
    let url = match custom {
        Some(url) => url.clone(),
        None => Url::parse(&format!("https://{host}.{suffix}"))
            .map_err(|error| CallError::request(format!("`{prefix}` is not a host prefix: {error}")))?,
    };
    Ok(Endpoint { url, signing_region: signing_region.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(partition: Partition, prefix: &str, region: &str) -> (String, String) {
        let region = Region::new(region).unwrap();
        let endpoint = resolve(partition, None, prefix, &region, &AccountId::new("123456789012").unwrap()).unwrap();
        (endpoint.url.to_string(), endpoint.signing_region)
    }

    #[test]
    fn regional_services_have_the_region_in_their_host() {
        assert_eq!(
            url(Partition::Aws, "api.ecr", "eu-west-1"),
            ("https://api.ecr.eu-west-1.amazonaws.com/".into(), "eu-west-1".into())
        );
        assert_eq!(
            url(Partition::AwsCn, "ec2", "cn-north-1"),
            ("https://ec2.cn-north-1.amazonaws.com.cn/".into(), "cn-north-1".into())
        );
        assert_eq!(
            url(Partition::AwsUsGov, "sts", "global"),
            ("https://sts.us-gov-west-1.amazonaws.com/".into(), "us-gov-west-1".into())
        );
        assert_eq!(
            url(Partition::Aws, "{account_id}.s3-control", "eu-west-1").0,
            "https://123456789012.s3-control.eu-west-1.amazonaws.com/"
        );
    }

    #[test]
    fn global_services_sign_for_their_own_region() {
        let iam = |partition| url(partition, "iam", "eu-west-1");
        assert_eq!(iam(Partition::Aws), ("https://iam.amazonaws.com/".into(), "us-east-1".into()));
        assert_eq!(iam(Partition::AwsCn), ("https://iam.cn-north-1.amazonaws.com.cn/".into(), "cn-north-1".into()));
        assert_eq!(iam(Partition::AwsUsGov), ("https://iam.us-gov.amazonaws.com/".into(), "us-gov-west-1".into()));
        assert_eq!(url(Partition::Aws, "globalaccelerator", "global").1, "us-west-2");
    }

    #[test]
    fn an_override_takes_everything_and_keeps_the_signing_region() {
        let custom = Url::parse("http://127.0.0.1:5000").unwrap();
        let account = AccountId::new("123456789012").unwrap();
        let iam = resolve(Partition::Aws, Some(&custom), "iam", &Region::global(), &account).unwrap();
        assert_eq!((iam.url.as_str(), iam.signing_region.as_str()), ("http://127.0.0.1:5000/", "us-east-1"));
    }

    #[test]
    fn a_prefix_that_is_no_host_is_refused() {
        let account = AccountId::new("123456789012").unwrap();
        assert!(resolve(Partition::Aws, None, "ec 2", &Region::global(), &account).is_err());
    }
}
