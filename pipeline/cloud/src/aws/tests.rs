use crate::testing::{
    ACCOUNT, Scripted, account, answer, assumed, aws, by_operation, identity, query_error, request, scope,
};

use super::*;

fn listed(reaches: &[Reach]) -> Vec<(&str, &str, ReachSource, ReachStatus)> {
    let row = |reach: &Reach| (reach.source, reach.status);
    reaches.iter().map(|reach| (reach.account.id.as_str(), &*reach.account.name, row(reach).0, row(reach).1)).collect()
}

fn members(accounts: &str, next: &str) -> Result<http::Response<bytes::Bytes>, crate::TransportError> {
    answer(200, format!(r#"{{"Accounts":[{accounts}],"NextToken":{next}}}"#))
}

#[tokio::test]
async fn without_accounts_the_base_credentials_account_is_read() {
    let (aws, _) = aws("", by_operation([("GetCallerIdentity", identity(ACCOUNT))]));
    let reaches = aws.accounts().await.unwrap();
    assert_eq!(listed(&reaches), [(ACCOUNT, ACCOUNT, ReachSource::Base, ReachStatus::Active)]);
}

#[tokio::test]
async fn an_organization_is_listed_to_its_last_page() {
    let transport = Scripted::new(|call, before| match (call.operation.as_str(), before) {
        ("AssumeRole", _) => assumed("ORG", 12),
        (_, 0) => members(
            r#"{"Id":"444455556666","Name":"prod","Status":"ACTIVE"},{"Id":"222233334444","Name":"old","State":"SUSPENDED"}"#,
            r#""more""#,
        ),
        _ => members(
            r#"{"Id":"111122223333","Name":"ours"},{"Id":"555566667777","Name":"not"},{"Id":"666677778888"}"#,
            "null",
        ),
    });
    let settings = "accounts = [{ id = '111122223333', name = 'by hand', role = 'r' }]\n\
        exclude_accounts = ['666677778888']\n\
        organization = { role = 'r', exclude = ['555566667777'], management_role_arn = 'arn:aws:iam::999900001111:role/lister' }";
    let (aws, _) = aws(settings, transport.clone());
    let reaches = aws.accounts().await.unwrap();
    assert_eq!(
        listed(&reaches),
        [
            ("111122223333", "by hand", ReachSource::Configured, ReachStatus::Active),
            ("222233334444", "old", ReachSource::Organization, ReachStatus::Suspended),
            ("444455556666", "prod", ReachSource::Organization, ReachStatus::Active),
        ]
    );
    assert_eq!(
        transport.operations(),
        ["AssumeRole@999900001111", "ListAccounts@999900001111", "ListAccounts@999900001111"],
        "no member account is assumed"
    );
    let requests = transport.requests();
    assert_eq!(requests[1].headers()["x-amz-target"], "AWSOrganizationsV20161128.ListAccounts");
    assert_eq!(requests[2].body().as_ref(), br#"{"NextToken":"more"}"#);
}

#[tokio::test]
async fn an_organization_that_cannot_be_listed_is_an_error_and_not_empty() {
    let denied = query_error(400, "x")
        .map(|response| response.map(|_| r#"{"__type":"AccessDeniedException","Message":"no"}"#.into()));
    let (aws, _) = aws("organization = { role = 'r' }", by_operation([("ListAccounts", denied)]));
    assert_eq!(aws.accounts().await.unwrap_err().kind, CallErrorKind::Denied);
}

#[tokio::test]
async fn enabled_regions_are_discovered() {
    let body = "<DescribeRegionsResponse><regionInfo>\
        <item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>\
        <item><regionName>ap-east-1</regionName><optInStatus>not-opted-in</optInStatus></item>\
        <item><optInStatus>opted-in</optInStatus><regionName>af-south-1</regionName></item>\
        <item><regionName>eu-west-1</regionName></item>\
        </regionInfo></DescribeRegionsResponse>";
    let transport = by_operation([("GetCallerIdentity", identity(ACCOUNT)), ("DescribeRegions", answer(200, body))]);
    let (aws, _) = aws("", transport.clone());
    let regions = aws.regions(&account(ACCOUNT)).await.unwrap();
    assert_eq!(regions.iter().map(Region::as_str).collect::<Vec<_>>(), ["af-south-1", "eu-west-1", "us-east-1"]);
    assert_eq!(transport.requests()[1].uri(), "https://ec2.us-east-1.amazonaws.com/");
}

#[tokio::test]
async fn no_region_at_all_is_an_error() {
    let none = answer(200, "<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>");
    let (aws, _) = aws("", by_operation([("GetCallerIdentity", identity(ACCOUNT)), ("DescribeRegions", none)]));
    assert_eq!(aws.regions(&account(ACCOUNT)).await.unwrap_err().kind, CallErrorKind::NotAnApi);
}

#[tokio::test]
async fn configured_regions_are_not_asked_for() {
    let (aws, _) = aws("regions = ['us-east-1', 'eu-west-1', 'us-east-1']", by_operation([]));
    let regions = aws.regions(&account(ACCOUNT)).await.unwrap();
    assert_eq!(regions.iter().map(Region::as_str).collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
}

#[tokio::test]
async fn an_endpoint_takes_every_service() {
    let transport =
        by_operation([("GetCallerIdentity", identity(ACCOUNT)), ("ListUsers", answer(200, "<ListUsersResponse/>"))]);
    let (aws, _) = aws("endpoint = 'http://127.0.0.1:5000'", transport.clone());
    aws.call(&scope(ACCOUNT, "global"), request("iam", Protocol::Query, "ListUsers")).await.unwrap();
    for request in transport.requests() {
        assert_eq!(request.uri(), "http://127.0.0.1:5000/");
    }
}

#[tokio::test]
async fn waiting_is_by_the_clock_of_the_calls() {
    let (aws, clock) = aws("", Scripted::new(|_, _| identity(ACCOUNT)));
    aws.wait(Duration::from_secs(3600)).await;
    assert_eq!(clock.steady(), Duration::from_secs(3600));
}
