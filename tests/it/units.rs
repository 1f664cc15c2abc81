//! Organizational units are groups by themselves.

use serde_json::Value;

use crate::estate;
use crate::pacbot::Pacbot;
use crate::servers::moto::Moto;

#[test]
fn a_unit_is_a_group_of_the_assets_of_its_accounts() {
    let moto = Moto::start();
    let types =
        "[\"aws_organizations_account\", \"aws_organizations_organizational_unit\", \"aws_vpc\", \"aws_vpc_flow_log\"]";
    let more = format!("[collect]\ntypes = {types}\n[policies]\nenabled = [\"aws-vpc-flow-logs-enabled\"]\n");
    let pacbot = Pacbot::new(&estate::config(&moto.endpoint(), &more));
    let truth = estate::seed(&moto.endpoint(), &pacbot.path("truth.json"));
    pacbot.expect(0, &["run"]);

    let units: Vec<Value> = pacbot.rows("select group_id, title, kind from groups where group_id like 'unit:%'");
    let [unit] = units.as_slice() else { panic!("{units:?}") };
    assert_eq!((&unit["title"], &unit["kind"]), (&"Workloads".into(), &"organizational_unit".into()));
    let group = unit["group_id"].as_str().unwrap();
    let members = format!("select distinct account_id from group_members where group_id = '{group}' order by 1");
    let accounts: Vec<Value> = pacbot.rows(&members);
    let mut expected = ["shop-prod", "shop-dev"].map(|name| truth.account(name).to_owned());
    expected.sort();
    assert_eq!(accounts.iter().map(|row| row["account_id"].as_str().unwrap()).collect::<Vec<_>>(), expected);

    let report = |more: &[&str]| -> Value {
        let arguments: Vec<&str> = ["report", "--format", "json"].iter().chain(more).copied().collect();
        serde_json::from_str(&pacbot.expect(0, &arguments).stdout).unwrap()
    };
    let of_accounts = expected.map(|account| report(&["--group", &format!("account:{account}")]));
    let (whole, of_unit) = (report(&[]), report(&["--group", group]));
    for number in ["pairs", "violating", "passing"] {
        let sum: u64 = of_accounts.iter().map(|report| report["scores"][number].as_u64().unwrap()).sum();
        assert_eq!(of_unit["scores"][number], sum, "{number}");
    }
    assert_ne!(of_unit["scores"]["pairs"], 0);
    assert_ne!(whole["scores"], of_unit["scores"]);
}
