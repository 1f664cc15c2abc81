//! Answers that lost too much at once are held back.

use serde_json::json;

use crate::pacbot::Pacbot;
use crate::servers::fault_proxy::FaultProxy;
use crate::servers::moto::Moto;
use crate::servers::python;

const TOPICS: &str = "
import boto3, sys
for region in ('us-east-1', 'eu-west-1'):
    sns = boto3.client('sns', endpoint_url=sys.argv[1], region_name=region, aws_access_key_id='a', aws_secret_access_key='b')
    if sys.argv[2] == 'make':
        [sns.create_topic(Name=f'topic-{n}') for n in range(24)]
    elif region == 'us-east-1':
        [sns.delete_topic(TopicArn=topic['TopicArn']) for topic in sns.list_topics()['Topics'][:int(sys.argv[2])]]
";

fn topics(moto: &Moto, what: &str) {
    let output = python().arg("-c").arg(TOPICS).args([&moto.endpoint(), what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_scope_that_lost_most_of_its_assets_waits_for_a_second_answer() {
    let moto = Moto::start();
    let proxy = FaultProxy::start(&moto.endpoint());
    proxy.rules(&json!([])).await;
    let config = format!(
        "[aws]\nendpoint = \"{}\"\nregions = [\"us-east-1\", \"eu-west-1\"]\n[collect]\ntypes = [\"aws_sns_topic\"]\n[policies]\nenabled = [\"aws-sns-topic-encrypted\"]\n",
        proxy.endpoint()
    );
    topics(&moto, "make");
    let pacbot = Pacbot::new(&config);
    pacbot.expect(0, &["run"]);
    assert_eq!(pacbot.value("select count(*) from issues where state = 'open'"), 48);

    topics(&moto, "20");
    pacbot.expect(2, &["run"]);
    assert_eq!(pacbot.value("select count(*) from aws_sns_topic"), 48, "the smaller answer is held back");
    assert_eq!(pacbot.value("select count(*) from coverage where status = 'held'"), 1);
    assert_eq!(pacbot.value("select count(*) from issues where state = 'closed'"), 0);
    assert_eq!(pacbot.value("select count(*) from issues where state = 'unknown'"), 24);

    // The same answer again is believed.
    let sure = pacbot.copy();
    pacbot.expect(0, &["run"]);
    assert_eq!(pacbot.value("select count(*) from aws_sns_topic"), 28);
    assert_eq!(pacbot.value("select count(*) from issues where state = 'closed' and cause = 'asset_gone'"), 20);
    // Or a person says so.
    topics(&moto, "1");
    sure.expect(2, &["run"]);
    sure.expect(0, &["run", "--accept-shrink"]);
    assert_eq!(sure.value("select count(*) from aws_sns_topic"), 27);
}
