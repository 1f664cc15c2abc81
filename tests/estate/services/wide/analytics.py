"""Athena, EMR, Glue and SageMaker."""
from ..cloud import pairs
from ..storage import log_bucket


def build(scope):
    _athena(scope)
    if scope.home:
        _emr(scope)
    _glue(scope)
    _notebooks(scope)


def _athena(scope):
    athena, good = scope.client("athena"), scope.within("prod")
    results = {"OutputLocation": f"s3://{log_bucket(scope)}/athena/"}
    if good:
        results["EncryptionConfiguration"] = {"EncryptionOption": "SSE_KMS", "KmsKey": scope.made["key"]}
    athena.create_work_group(
        Name="analysts", Description="ad hoc", Tags=pairs(scope.tags("analysts")), Configuration={
            "ResultConfiguration": results, "EnforceWorkGroupConfiguration": good,
            "PublishCloudWatchMetricsEnabled": True, "BytesScannedCutoffPerQuery": 10_000_000_000})
    scope.flag("analysts", {"aws-athena-workgroup-encrypted": not good})


def _emr(scope):
    """One region's only: moto tells them apart by the host's name, and on loopback lists these clusters in each."""
    emr, good = scope.client("emr"), scope.within("prod")
    logs = {"LogUri": f"s3://{log_bucket(scope)}/emr/"} if good else {}
    if good:
        emr.create_security_configuration(Name="sealed", SecurityConfiguration='{"EncryptionConfiguration": {}}')
        logs["SecurityConfiguration"] = "sealed"
    ids = [emr.run_job_flow(
        Name=name, ReleaseLabel="emr-7.9.0", Applications=[{"Name": "Spark"}], JobFlowRole="emr-instances",
        ServiceRole="emr", VisibleToAllUsers=True, Tags=pairs(scope.tags(name)), Instances={
            "MasterInstanceType": "m7g.xlarge", "SlaveInstanceType": "m7g.xlarge", "InstanceCount": 2,
            "Ec2SubnetId": scope.made["subnets"]["private-a"], "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False}, **logs)["JobFlowId"] for name in ("nightly", "done")]
    # Not flagged: one ARN in each region is one asset to us, and which region it is found in is chance.
    # Not an asset any more.
    emr.terminate_job_flows(JobFlowIds=[ids[1]])


def _glue(scope):
    glue, good = scope.client("glue"), scope.within("prod")
    for name, sealed in (("clean-orders", good), ("join-visits", False)):
        glue.create_job(
            Name=name, Description=name, Role=f"arn:aws:iam::{scope.account.id}:role/glue", GlueVersion="5.0",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{log_bucket(scope)}/{name}.py"},
            DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"}, WorkerType="G.1X", NumberOfWorkers=2,
            Timeout=60, Tags=scope.tags(name), **({"SecurityConfiguration": "sealed"} if sealed else {}))
        scope.flag(name, {"aws-glue-job-encrypted": not sealed})
    if good:
        glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings={
            "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": scope.made["key"]},
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True,
                                             "AwsKmsKeyId": scope.made["key"]}})
    scope.flag("catalog", {"aws-glue-catalog-encrypted": not good, "aws-glue-connection-passwords-encrypted": not good})


def _notebooks(scope):
    good = scope.within("prod")
    scope.client("sagemaker").create_notebook_instance(
        NotebookInstanceName="forecasts", InstanceType="ml.t3.medium", Tags=pairs(scope.tags("forecasts")),
        RoleArn=f"arn:aws:iam::{scope.account.id}:role/notebooks", SubnetId=scope.made["subnets"]["private-a"],
        SecurityGroupIds=[scope.made["groups"]["app"]], DirectInternetAccess="Disabled" if good else "Enabled",
        RootAccess="Disabled" if good else "Enabled", **({"KmsKeyId": scope.made["key"]} if good else {}))
    scope.flag("forecasts", {"aws-sagemaker-notebook-encrypted": not good, "aws-sagemaker-notebook-no-root": not good,
                             "aws-sagemaker-notebook-no-direct-internet": not good})
