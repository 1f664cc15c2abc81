//! What every collector must do, whatever its type.

use std::sync::Arc;

use arrow::array::Array;
use pacbot_cloud::AwsSettings;
use pacbot_schemas::{AssetTypes, CoverageStatus};

use super::*;
use crate::decode::RequestDecoder;
use crate::testing::{Script, context, scope};

#[tokio::test]
async fn a_scope_that_answers_nothing_is_unknown_for_every_type() {
    let types = AssetTypes::embedded().unwrap();
    let script = Arc::new(Script::silent());
    let run = context(&script, AwsSettings::default());
    for collector in collectors(types.iter()) {
        let def = types.get(collector.asset_type().as_str()).unwrap();
        let scope = scope(if collector.scope_kind() == ScopeKind::Global { "global" } else { "eu-west-1" });
        let result = collector.collect(&scope, &run).await;
        assert_eq!((&result.asset_type, &result.scope), (&def.asset_type, &scope));
        assert!(result.assets.is_empty() && result.assets.schema() == &def.schema(), "{}", def.asset_type);
        let requests: Vec<&str> = result.coverage.iter().map(|coverage| coverage.request.as_str()).collect();
        assert_eq!(requests, def.requests.keys().collect::<Vec<_>>(), "{}", def.asset_type);
        for coverage in &result.coverage {
            assert_eq!(coverage.status, CoverageStatus::Failed, "{coverage:?}");
            assert!(coverage.error.is_some() && !coverage.error.as_deref().unwrap().contains('\n'), "{coverage:?}");
        }
    }
}

#[test]
fn every_column_of_every_type_is_decoded_to_its_type() {
    let types = AssetTypes::embedded().unwrap();
    for def in types.iter() {
        let mut fed = 0;
        for request in def.requests.values() {
            let decoded = RequestDecoder::new(def, request).columns(&["{}", r#"{"x": 1}"#].into_iter().collect());
            assert_eq!(decoded.misfits, 0, "{} {}", def.asset_type, request.name);
            for (index, array) in decoded.arrays {
                let column = &def.columns[index];
                assert_eq!(array.data_type(), &column.column_type.arrow(), "{} {}", def.asset_type, column.name);
                let nulls = if column.path.0.is_empty() { 1 } else { 2 };
                assert_eq!((array.len(), array.null_count()), (2, nulls), "{} {}", def.asset_type, column.name);
                fed += 1;
            }
        }
        let own = def.columns.iter().filter(|column| column.derived.is_none()).count();
        assert_eq!(fed, own, "{}", def.asset_type);
    }
}

#[test]
fn an_unreached_scope_says_so_for_every_request() {
    let types = AssetTypes::embedded().unwrap();
    let def = types.get("aws_iam_user").unwrap();
    let error = failure(CallErrorKind::Credentials, "no credentials");
    let result = ScopeResult::unreached(def, scope("global"), &error, &StagingRoom::new("/nowhere", 0));
    assert_eq!(result.coverage.len(), def.requests.len());
    assert!(result.coverage.iter().all(|coverage| coverage.status == CoverageStatus::Failed));
}
