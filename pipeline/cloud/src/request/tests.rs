//! What each protocol puts on the wire, signed.

use bytes::Bytes;
use http::{Method, Request};
use pacbot_schemas::Protocol;
use serde_json::json;
use url::Url;

use crate::testing::{ACCOUNT, ONE_ROLE, answer, assumed, aws, by_operation, request, scope};
use crate::{ApiRequest, CallErrorKind};

/// The request as it is sent for a scope of `region`.
async fn sent(region: &str, ask: ApiRequest) -> Request<Bytes> {
    let body = if ask.protocol.is_xml() { "<R/>" } else { "{}" };
    let transport = by_operation([("AssumeRole", assumed("ROLE", 12)), ("ListThings", answer(200, body))]);
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    aws.call(&scope(ACCOUNT, region), ask).await.unwrap();
    transport.requests().pop().unwrap()
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

/// Credential and signed headers of the signature.
fn signature(request: &Request<Bytes>) -> (String, String) {
    let header = header(request, "authorization").unwrap();
    let rest = header.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap();
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
    (credential.to_owned(), rest.split_once(", Signature=").unwrap().0.to_owned())
}

#[tokio::test]
async fn ec2_and_query_post_a_form() {
    for protocol in [Protocol::Ec2, Protocol::Query] {
        let mut ask = request("ec2", protocol, "ListThings");
        ask.params = vec![("Filter.1.Name".into(), "tag:a b".into()), ("NextToken".into(), "x+/=".into())];
        let sent = sent("eu-west-1", ask).await;
        assert_eq!(
            (sent.method(), sent.uri().to_string().as_str()),
            (&Method::POST, "https://ec2.eu-west-1.amazonaws.com/")
        );
        assert_eq!(header(&sent, "content-type"), Some("application/x-www-form-urlencoded; charset=utf-8"));
        assert_eq!(
            sent.body().as_ref(),
            b"Action=ListThings&Version=2016-11-15&Filter.1.Name=tag%3Aa%20b&NextToken=x%2B%2F%3D"
        );
        let (credential, signed) = signature(&sent);
        assert_eq!(credential, "ROLE/20250301/eu-west-1/ec2/aws4_request");
        assert_eq!(signed, "content-type;host;x-amz-date;x-amz-security-token");
        assert_eq!(header(&sent, "x-amz-security-token"), Some("token-of-ROLE"));
        assert_eq!(header(&sent, "x-amz-content-sha256"), None);
    }
}

#[tokio::test]
async fn json_posts_to_a_target() {
    for (protocol, content_type) in
        [(Protocol::Json10, "application/x-amz-json-1.0"), (Protocol::Json11, "application/x-amz-json-1.1")]
    {
        let mut ask = request("kms", protocol, "ListThings");
        ask.body = Some(json!({"Limit": 1000}));
        let sent = sent("eu-west-1", ask).await;
        assert_eq!(sent.method(), Method::POST);
        assert_eq!(header(&sent, "content-type"), Some(content_type));
        assert_eq!(header(&sent, "x-amz-target"), Some("Target.ListThings"));
        assert_eq!(sent.body().as_ref(), br#"{"Limit":1000}"#);
        let (credential, signed) = signature(&sent);
        assert_eq!(credential, "ROLE/20250301/eu-west-1/kms/aws4_request");
        assert_eq!(signed, "content-type;host;x-amz-date;x-amz-security-token;x-amz-target");
    }
    let empty = sent("eu-west-1", request("kms", Protocol::Json11, "ListThings")).await;
    assert_eq!(empty.body().as_ref(), b"{}");
}

#[tokio::test]
async fn rest_json_gets_a_path() {
    let mut ask = request("lambda", Protocol::RestJson, "ListThings");
    ask.uri = "/2015-03-31/functions/arn%3Aaws%3Alambda?Qualifier=1".into();
    ask.params = vec![("Marker".into(), "a/b".into())];
    let sent = sent("eu-west-1", ask).await;
    assert_eq!(
        (sent.method(), sent.uri().path_and_query().unwrap().as_str()),
        (&Method::GET, "/2015-03-31/functions/arn%3Aaws%3Alambda?Qualifier=1&Marker=a%2Fb")
    );
    assert_eq!(header(&sent, "accept"), Some("application/json"));
    assert_eq!((header(&sent, "content-type"), sent.body().len()), (None, 0));
    assert_eq!(signature(&sent).0, "ROLE/20250301/eu-west-1/lambda/aws4_request");
}

#[tokio::test]
async fn rest_xml_of_a_global_service_signs_for_its_region() {
    let mut ask = request("cloudfront", Protocol::RestXml, "ListThings");
    ask.uri = "/2020-05-31/distribution".into();
    let sent = sent("global", ask).await;
    assert_eq!(sent.uri(), "https://cloudfront.amazonaws.com/2020-05-31/distribution");
    assert_eq!(signature(&sent).0, "ROLE/20250301/us-east-1/cloudfront/aws4_request");
}

#[tokio::test]
async fn s3_signs_the_hash_of_the_payload() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut ask = request("s3", Protocol::RestXml, "ListThings");
    ask.uri = "/bucket?versioning".into();
    let plain = sent("eu-west-1", ask.clone()).await;
    assert_eq!(header(&plain, "x-amz-content-sha256"), Some(EMPTY));
    assert_eq!(signature(&plain).1, "host;x-amz-content-sha256;x-amz-date;x-amz-security-token");

    ask.endpoint = "{account_id}.s3-control".into();
    ask.uri = "/v20180820/configuration/publicAccessBlock".into();
    let control = sent("eu-west-1", ask).await;
    assert_eq!(control.uri().host(), Some("111122223333.s3-control.eu-west-1.amazonaws.com"));
    assert_eq!(header(&control, "x-amz-account-id"), Some(ACCOUNT));
    assert_eq!(signature(&control).0, "ROLE/20250301/eu-west-1/s3/aws4_request");
}

#[tokio::test]
async fn a_link_replaces_path_and_query_on_the_same_host_only() {
    let mut ask = request("lambda", Protocol::RestJson, "ListThings");
    ask.uri = "/first".into();
    ask.params = vec![("Marker".into(), "1".into())];
    ask.link = Some(Url::parse("https://lambda.eu-west-1.amazonaws.com/next?page=2").unwrap());
    assert_eq!(sent("eu-west-1", ask.clone()).await.uri().path_and_query().unwrap(), "/next?page=2");

    for elsewhere in ["https://evil.example/next", "http://lambda.eu-west-1.amazonaws.com/next"] {
        ask.link = Some(Url::parse(elsewhere).unwrap());
        refused(ask.clone(), "links to another host").await;
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_refused_before_any_exchange() {
    let refuse = |change: fn(&mut ApiRequest), protocol, reason| {
        let mut ask = request("x", protocol, "ListThings");
        change(&mut ask);
        refused(ask, reason)
    };
    refuse(|ask| ask.api_version = None, Protocol::Query, "has no API version").await;
    refuse(|ask| ask.target_prefix = None, Protocol::Json11, "has no target prefix").await;
    refuse(|ask| ask.uri = "relative".into(), Protocol::RestJson, "does not begin with `/`").await;
    refuse(|ask| ask.uri = "/{missing} value".into(), Protocol::RestJson, "invalid uri").await;
    refuse(|_| (), Protocol::Native, "has no wire protocol").await;
}

async fn refused(ask: ApiRequest, reason: &str) {
    let transport = by_operation([]);
    let (aws, _) = aws(ONE_ROLE, transport.clone());
    let error = aws.call(&scope(ACCOUNT, "eu-west-1"), ask).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Request);
    assert!(error.message.contains(reason), "{error}");
    assert!(transport.operations().is_empty());
}
