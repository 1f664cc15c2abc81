use pacbot_cloud::*;
use pacbot_schemas::*;
use std::sync::Arc;
#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let settings: AwsSettings = toml::from_str(&format!(
        "endpoint = '{url}'\naccounts=[{{id='222233334444', role='reader'}},{{id='123456789012'}}]"
    ))
    .unwrap();
    let http = Arc::new(HttpTransport::new(&settings.limits).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let rec = Arc::new(Recorder::new(http, dir.path(), serde_json::json!({})).unwrap());
    run(Aws::new(settings.clone(), rec.clone()).unwrap()).await;
    rec.finish(chrono::Utc::now()).await.unwrap();
    println!("--- replay");
    run(Aws::new(settings, Arc::new(Replay::open(dir.path()).unwrap())).unwrap()).await;
    std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "cd {}; find . -name '*.jsonl' | xargs wc; cut -c1-300 2222*/us-east-1/*.jsonl",
            dir.path().display()
        ))
        .status()
        .unwrap();
}
async fn run(aws: Aws) {
    for reach in aws.accounts().await.unwrap() {
        let scope = Scope { account: reach.account.clone(), region: Region::global() };
        let conf = aws_sdk_s3::config::Builder::from(&aws.sdk_config(&scope, &Region::new("us-east-1").unwrap()))
            .force_path_style(true)
            .build();
        let c = aws_sdk_s3::Client::from_conf(conf);
        println!(
            "create {:?}",
            c.create_bucket()
                .bucket(&format!("bucket-{}", reach.account.id))
                .send()
                .await
                .map(|_| ())
                .map_err(|e| CallError::from_sdk(&e))
        );
        println!(
            "create {:?}",
            c.put_bucket_versioning()
                .bucket(&format!("bucket-{}", reach.account.id))
                .versioning_configuration(
                    aws_sdk_s3::types::VersioningConfiguration::builder().status("Enabled".into()).build()
                )
                .send()
                .await
                .map(|_| ())
                .map_err(|e| CallError::from_sdk(&e))
        );
        println!(
            "put {:?}",
            c.put_object()
                .bucket(&format!("bucket-{}", reach.account.id))
                .key("a b/../c")
                .body(aws_sdk_s3::primitives::ByteStream::from_static(b"hello"))
                .send()
                .await
                .map(|_| ())
                .map_err(|e| CallError::from_sdk(&e))
        );
        println!(
            "get {:?}",
            c.get_object()
                .bucket(&format!("bucket-{}", reach.account.id))
                .key("a b/../c")
                .send()
                .await
                .map_err(|e| CallError::from_sdk(&e))
                .unwrap()
                .body
                .collect()
                .await
                .map(|b| b.into_bytes())
        );
        println!(
            "list {:?}",
            c.list_buckets().send().await.map(|b| b.buckets().len()).map_err(|e| CallError::from_sdk(&e))
        );
        println!(
            "ver {:?}",
            c.get_bucket_versioning()
                .bucket(&format!("bucket-{}", reach.account.id))
                .send()
                .await
                .map_err(|e| CallError::from_sdk(&e))
        );
        println!(
            "pol {:?}",
            c.get_bucket_policy()
                .bucket(&format!("bucket-{}", reach.account.id))
                .send()
                .await
                .map_err(|e| CallError::from_sdk(&e).to_string())
        );
        println!("head {:?}", c.head_bucket().bucket("nope").send().await.map_err(|e| CallError::from_sdk(&e)));
    }
}
