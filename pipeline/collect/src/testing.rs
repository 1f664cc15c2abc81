//! What the tests of this crate share: small asset types, a scope.

use std::sync::Arc;

use pacbot_schemas::{Account, AccountId, Partition, Region, Scope};

/// An EC2 type up to its paging.
pub(crate) const EC2_HEAD: &str = r#"
table    = "aws_test"
doc      = "Things."
asset_id = "arn:{partition}:test:{region}:{account_id}:{instance_id}"
name     = "{tags.Name|instance_id}"
[request.list]
service   = "ec2"
protocol  = "ec2"
version   = "2016-11-15"
operation = "DescribeThings"
"#;

/// A JSON type with the items `Things[]`, the key `id` and these columns.
pub(crate) fn json_type(columns: &str) -> String {
    format!(
        r#"
table    = "aws_test"
doc      = "Things."
asset_id = "thing/{{id}}"
name     = "{{id}}"
[request.list]
service    = "test"
protocol   = "json-1.1"
target     = "Test"
operation  = "ListThings"
items      = "Things[]"
permission = "test:ListThings"
[columns]
{columns}
"#
    )
}

/// A scope of the account 111122223333.
pub(crate) fn scope(region: &str) -> Scope {
    let account = Account {
        id: AccountId::new("111122223333").unwrap(),
        name: "production".into(),
        partition: Partition::Aws,
    };
    Scope { account: Arc::new(account), region: Region::new(region).unwrap() }
}
