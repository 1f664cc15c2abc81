use super::*;

fn parse(text: &str) -> Result<AwsSettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn everything_has_a_default() {
    let settings = parse("").unwrap();
    assert_eq!(settings, AwsSettings::default());
    assert_eq!((settings.session_name(), settings.limits.concurrency.get()), ("pacbot", 32));
    settings.validate().unwrap();
}

#[test]
fn the_whole_table_is_read() {
    let settings = parse(
        r#"
        partition = "aws-us-gov"
        endpoint = "http://127.0.0.1:5000"
        regions = ["us-gov-west-1"]
        profile = "audit"
        exclude_accounts = ["999900001111"]
        session_name = "nightly"

        [[accounts]]
        id = "111122223333"
        name = "prod"
        role_arn = "arn:aws-us-gov:iam::111122223333:role/reader"
        external_id = "our-id"

        [organization]
        role = "reader"
        exclude = ["222233334444"]

        [limits]
        concurrency = 8
        requests_per_second = 5
        connect_timeout = "2s"
        max_body_bytes = 1000
        "#,
    )
    .unwrap();
    settings.validate().unwrap();
    assert_eq!(settings.partition, Partition::AwsUsGov);
    assert_eq!(settings.limits.connect_timeout, Duration::from_secs(2));
    assert_eq!(settings.limits.read_timeout, LimitSettings::default().read_timeout);
    assert!(!format!("{settings:?}").contains("our-id"));
}

#[test]
fn a_bad_value_is_refused_where_it_stands() {
    for (text, reason) in [
        ("regoins = []", "unknown field `regoins`"),
        ("limits = { concurrency = 0 }", "nonzero"),
        ("limits = { read_timeout = '0s' }", "a duration of zero"),
        ("limits = { read_timeout = 'soon' }", "`soon` is no duration"),
        ("endpoint = 'ftp://x'", "`ftp://x` is no endpoint"),
        ("session_name = 'a b'", "session name"),
        ("partition = 'moon'", "unknown variant `moon`"),
        ("accounts = [{ id = '12 3' }]", "is not an account id"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
        assert!(error.contains("line 1"), "{error}");
    }
}

#[test]
fn contradictions_are_refused() {
    for (text, reason) in [
        ("accounts = [{ id = '12' }]", "`12` is no account of AWS, whose ids have 12 digits"),
        (
            "accounts = [{ id = '111122223333', role = 'a', role_arn = 'b' }]",
            "account `111122223333` has both `role` and `role_arn`",
        ),
        ("accounts = [{ id = '111122223333' }, { id = '111122223333' }]", "account `111122223333` is listed twice"),
        ("regions = []", "`regions` is empty; leave it out to read all enabled regions"),
        ("regions = ['global']", "`regions` holds `global`, which is always read"),
    ] {
        assert_eq!(parse(text).unwrap().validate().unwrap_err().to_string(), reason);
    }
}
