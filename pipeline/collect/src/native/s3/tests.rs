use std::sync::Arc;

use pacbot_cloud::AwsSettings;
use pacbot_schemas::{AssetTypes, CoverageStatus};

use crate::testing::{Script, cells, context, covered, scope};
use crate::{RunContext, ScopeResult, collectors};

const BUCKETS: &str = "<ListAllMyBucketsResult><Buckets>\
    <Bucket><Name>kept</Name><CreationDate>2024-05-06T07:08:09.000Z</CreationDate></Bucket>\
    <Bucket><Name>bare</Name></Bucket><Bucket><Name>gone</Name></Bucket></Buckets></ListAllMyBucketsResult>";

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>not so</Message></Error>")
}

/// The operation as the SDK's requests show it, and the path of the bucket.
fn script() -> Script {
    let xml = |script: Script, operation, body: &str| script.on(operation, "/kept", body);
    let kept = [
        ("GET:location", "<LocationConstraint>EU</LocationConstraint>"),
        (
            "GET:acl",
            "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"><URI>http://all</URI></Grantee>\
             <Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        ),
        ("GET:policyStatus", "<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>"),
        ("GET:policy", r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}}"#),
        (
            "GET:publicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
        ),
        ("GetBucketVersioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        (
            "GET:encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
             </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
        ),
        (
            "GET:logging",
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>p/</TargetPrefix>\
             </LoggingEnabled></BucketLoggingStatus>",
        ),
        (
            "GET:lifecycle",
            "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>tmp/</Prefix></Filter>\
             <Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>",
        ),
        (
            "GET:replication",
            "<ReplicationConfiguration><Role>arn:r</Role><Rule><ID>r</ID><Priority>1</Priority><Status>Enabled</Status>\
             <Destination><Bucket>arn:aws:s3:::far</Bucket></Destination></Rule></ReplicationConfiguration>",
        ),
        ("GET:tagging", "<Tagging><TagSet><Tag><Key>team</Key><Value>a</Value></Tag></TagSet></Tagging>"),
        (
            "GET:website",
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>",
        ),
    ];
    let script = kept.into_iter().fold(Script::default(), |script, (operation, body)| xml(script, operation, body));
    [
        ("GET:policy", "NoSuchBucketPolicy"),
        ("GET:policyStatus", "NoSuchBucketPolicy"),
        ("GET:publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("GET:encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("GET:lifecycle", "NoSuchLifecycleConfiguration"),
        ("GET:replication", "ReplicationConfigurationNotFoundError"),
        ("GET:tagging", "NoSuchTagSet"),
        ("GET:website", "NoSuchWebsiteConfiguration"),
    ]
    .into_iter()
    .fold(script, |script, (operation, code)| script.with(operation, "/bare", 404, error(code)))
    .with("GET:location", "/gone", 404, error("NoSuchBucket"))
    .on("GET:location", "/bare", "<LocationConstraint/>")
    .on("GET:acl", "/bare", "<AccessControlPolicy/>")
    .on("GetBucketVersioning", "/bare?versioning=", "<GetBucketVersioningResponse/>")
    .on("GET:logging", "/bare", "<BucketLoggingStatus/>")
    .with("GetPublicAccessBlock", "", 404, error("NoSuchPublicAccessBlockConfiguration"))
    .on("GET:ListBuckets", "", BUCKETS)
}

async fn collect(script: Script) -> (ScopeResult, Arc<Script>) {
    let script = Arc::new(script);
    let settings = AwsSettings { endpoint: Some("http://localhost:1".parse().unwrap()), ..AwsSettings::default() };
    let run = RunContext { follow_ups_at_once: 8, ..context(&script, settings) };
    let types = AssetTypes::embedded().unwrap();
    let result = collectors(types.get("aws_s3_bucket"))[0].collect(&scope("global"), &run).await;
    (result, script)
}

#[tokio::test]
async fn buckets_have_all_their_sub_resources() {
    let (result, script) = collect(script()).await;
    for coverage in &result.coverage {
        assert_eq!(coverage.status, CoverageStatus::Complete, "{coverage:?}, {:#?}", script.asked());
    }
    let shown = |column| cells(&result.assets, column);
    assert_eq!(shown("asset_id"), ["arn:aws:s3:::kept", "arn:aws:s3:::bare"]);
    assert_eq!(shown("region"), ["eu-west-1", "us-east-1"]);
    assert_eq!(shown("bucket_policy_is_public"), ["true", "-"]);
    assert_eq!(shown("block_public_acls"), ["true", "-"]);
    assert_eq!(shown("versioning_enabled"), ["true", "false"]);
    assert_eq!(shown("versioning_mfa_delete"), ["false", "false"]);
    assert_eq!(shown("tags"), ["{team: a}", "-"]);
    assert_eq!(shown("logging"), ["{target_bucket: logs, target_prefix: p/}", "-"]);
    assert_eq!(shown("website_index_document"), ["index.html", "-"]);
    assert!(shown("acl")[0].contains("uri: http://all"), "{:?}", shown("acl"));
    assert!(shown("policy_std")[0].contains("{AWS: [*]}"), "{:?}", shown("policy_std"));
    assert!(shown("replication")[0].contains("bucket: arn:aws:s3:::far"), "{:?}", shown("replication"));
    assert!(shown("server_side_encryption_configuration")[0].contains("aws:kms"));
    assert_eq!(shown("unread"), ["[]", "[]"]);
    assert_eq!(script.count("GET:location"), 3, "once a bucket");
}

#[tokio::test]
async fn a_sub_resource_that_is_denied_is_unread() {
    let denied = Script::default().with("GET:policy", "/kept", 403, error("AccessDenied"));
    let rest = script();
    let (result, _) = collect(denied.then(rest)).await;
    let policy = covered(&result, "policy");
    assert_eq!((policy.status, policy.rows, policy.failed_items), (CoverageStatus::Denied, 1, 1));
    assert_eq!(policy.missing_permission.as_deref(), Some("s3:GetBucketPolicy"));
    assert_eq!(cells(&result.assets, "unread"), ["[policy]", "[]"]);
}

#[tokio::test]
async fn a_denied_location_is_told_by_the_header_of_a_refusal() {
    let denied = Script::default().with("GET:location", "/kept", 403, error("AccessDenied")).headed(
        "HEAD",
        "/kept",
        403,
        ("x-amz-bucket-region", "ap-southeast-2"),
    );
    let (result, _) = collect(denied.then(script())).await;
    assert_eq!(cells(&result.assets, "location"), ["ap-southeast-2", "us-east-1"], "{:?}", result.coverage);
}

#[tokio::test]
async fn a_denied_list_leaves_nothing() {
    let denied = Script::default().with("GET:ListBuckets", "", 403, error("AccessDenied"));
    let (result, _) = collect(denied).await;
    assert!(result.assets.is_empty());
    let list = covered(&result, "list");
    assert_eq!(
        (list.status, list.missing_permission.as_deref()),
        (CoverageStatus::Denied, Some("s3:ListAllMyBuckets"))
    );
}
