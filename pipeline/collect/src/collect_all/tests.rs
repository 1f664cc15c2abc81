use std::sync::Mutex;

use pacbot_cloud::AwsSettings;
use pacbot_schemas::{AccountId, AssetTypeDef, Partition};

use super::*;
use crate::collector::collectors;
use crate::testing::{Script, context, json_type};

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Progress for Log {
    fn started(&self, asset_type: &AssetType, scope: &Scope) {
        self.0.lock().unwrap().push(format!("start {asset_type} {scope}"));
    }

    fn finished(&self, result: &ScopeResult) {
        self.0.lock().unwrap().push(format!("end {} {}", result.asset_type, result.scope));
    }
}

fn account(id: &str) -> Arc<Account> {
    Arc::new(Account { id: AccountId::new(id).unwrap(), name: id.into(), partition: Partition::Aws })
}

fn defs() -> Vec<Arc<AssetTypeDef>> {
    let regional = json_type(r#"id = { type = "string", key = true, doc = "d" }"#);
    let global = regional.replace("aws_test", "aws_other").replace("asset_id =", "scope = \"global\"\nasset_id =");
    [regional, global].iter().map(|file| Arc::new(AssetTypeDef::parse("test.toml", file).unwrap())).collect()
}

#[tokio::test]
async fn types_come_out_whole_and_in_their_scopes_order() {
    let script = Arc::new(Script::default().on("ListThings", "", r#"{"Things": [{"Id": "a"}]}"#));
    let run = Arc::new(context(&script, AwsSettings::default()));
    let regions = ["eu-west-1", "us-east-1"].map(|region| Region::new(region).unwrap()).to_vec();
    let accounts = [(account("111122223333"), regions.clone()), (account("444455556666"), regions)];
    for at_once in [1, 3, 100] {
        let plan = Plan::new(collectors(&defs()), &accounts);
        assert_eq!(plan.scopes(), 6);
        let log = Arc::new(Log::default());
        let results: Vec<TypeResult> = collect_all(plan, run.clone(), at_once, log.clone()).collect().await;
        let shown: Vec<(String, Vec<String>)> = results
            .iter()
            .map(|result| {
                (result.asset_type.to_string(), result.scopes.iter().map(|scope| scope.scope.to_string()).collect())
            })
            .collect();
        let regional =
            ["111122223333/eu-west-1", "111122223333/us-east-1", "444455556666/eu-west-1", "444455556666/us-east-1"];
        let global = ["111122223333/global", "444455556666/global"];
        let mut sorted = shown.clone();
        sorted.sort();
        assert_eq!(sorted[0], ("aws_other".to_owned(), global.map(str::to_owned).to_vec()));
        assert_eq!(sorted[1], ("aws_test".to_owned(), regional.map(str::to_owned).to_vec()));
        let log = log.0.lock().unwrap();
        let in_flight = log.iter().scan(0_usize, |open, event| {
            *open = if event.starts_with("start") { *open + 1 } else { *open - 1 };
            Some(*open)
        });
        assert!(in_flight.max().unwrap() <= at_once && log.len() == 12, "{log:?}");
    }
}

#[tokio::test]
async fn a_type_without_scopes_does_not_come_out() {
    let script = Arc::new(Script::default());
    let run = Arc::new(context(&script, AwsSettings::default()));
    let plan = Plan::new(collectors(&defs()), &[]);
    assert_eq!(collect_all(plan, run, 4, Arc::new(())).count().await, 0);
}
