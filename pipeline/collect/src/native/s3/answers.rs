//! The answers of S3's sub-resources as JSON, with the member names of the API. What was not sent is left out.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    Bucket, Grant, LifecycleRule, LifecycleRuleFilter, ReplicationRule, RoutingRule, ServerSideEncryptionRule, Tag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use pacbot_cloud::CallError;
use serde_json::{Value, json};

use crate::decode::json_text;

/// Asks one sub-resource of a bucket; `None` if there is no such request.
pub(super) async fn answer(client: &Client, bucket: &str, request: &str) -> Option<Result<Value, CallError>> {
    let answer = match request {
        "acl" => client.get_bucket_acl().bucket(bucket).send().await.map_err(failed).map(|acl| {
            let owner = acl.owner().map(|owner| json!({ "ID": owner.id(), "DisplayName": owner.display_name() }));
            json!({ "Owner": owner, "Grants": each(acl.grants(), grant) })
        }),
        "policy" => {
            let answer = client.get_bucket_policy().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| json!({ "Policy": answer.policy() }))
        }
        "policy_status" => {
            let answer = client.get_bucket_policy_status().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| {
                json!({ "PolicyStatus": answer.policy_status().map(|status| json!({ "IsPublic": status.is_public() })) })
            })
        }
        "public_access_block" => {
            let answer = client.get_public_access_block().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| {
                let block = answer.public_access_block_configuration().map(|block| {
                    json!({
                        "BlockPublicAcls": block.block_public_acls(),
                        "IgnorePublicAcls": block.ignore_public_acls(),
                        "BlockPublicPolicy": block.block_public_policy(),
                        "RestrictPublicBuckets": block.restrict_public_buckets(),
                    })
                });
                json!({ "PublicAccessBlockConfiguration": block })
            })
        }
        "encryption" => client.get_bucket_encryption().bucket(bucket).send().await.map_err(failed).map(|answer| {
            let configuration = answer.server_side_encryption_configuration();
            let configuration = configuration.map(|found| json!({ "Rules": each(found.rules(), encryption_rule) }));
            json!({ "ServerSideEncryptionConfiguration": configuration })
        }),
        "logging" => client.get_bucket_logging().bucket(bucket).send().await.map_err(failed).map(|answer| {
            let target = answer.logging_enabled().map(|target| {
                json!({ "TargetBucket": target.target_bucket(), "TargetPrefix": target.target_prefix() })
            });
            json!({ "LoggingEnabled": target })
        }),
        "lifecycle" => {
            let answer = client.get_bucket_lifecycle_configuration().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| json!({ "Rules": each(answer.rules(), lifecycle_rule) }))
        }
        "replication" => {
            let answer = client.get_bucket_replication().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| {
                let configuration = answer.replication_configuration().map(|found| {
                    json!({ "Role": found.role(), "Rules": each(found.rules(), replication_rule) })
                });
                json!({ "ReplicationConfiguration": configuration })
            })
        }
        "tags" => {
            let answer = client.get_bucket_tagging().bucket(bucket).send().await;
            answer.map_err(failed).map(|answer| json!({ "TagSet": each(answer.tag_set(), tag) }))
        }
        "website" => client.get_bucket_website().bucket(bucket).send().await.map_err(failed).map(|website| {
            let redirect = website.redirect_all_requests_to().map(|redirect| {
                json!({ "HostName": redirect.host_name(), "Protocol": redirect.protocol().map(|protocol| protocol.as_str()) })
            });
            json!({
                "IndexDocument": website.index_document().map(|index| json!({ "Suffix": index.suffix() })),
                "ErrorDocument": website.error_document().map(|error| json!({ "Key": error.key() })),
                "RedirectAllRequestsTo": redirect,
                "RoutingRules": Some(each(website.routing_rules(), routing_rule)).filter(|rules| !rules.is_empty()),
            })
        }),
        _ => return None,
    };
    Some(answer.map(without_nulls))
}

/// Versioning, from the API's own answer. S3 leaves out what was never set, which is as good as switched off.
pub(super) fn versioning(answer: &str) -> Value {
    let status = |name: &str| json_text::member(answer, name).and_then(json_text::scalar);
    let is_enabled = |name: &str| status(name).as_deref() == Some("Enabled");
    without_nulls(json!({
        "Status": status("Status"),
        "MFADelete": status("MfaDelete"),
        "VersioningEnabled": is_enabled("Status"),
        "MFADeleteEnabled": is_enabled("MfaDelete"),
    }))
}

/// One bucket of the list.
pub(super) fn bucket(bucket: &Bucket) -> Value {
    without_nulls(json!({
        "Name": bucket.name(),
        "CreationDate": bucket.creation_date().and_then(date),
        "BucketRegion": bucket.bucket_region(),
    }))
}

fn failed<E>(error: SdkError<E, HttpResponse>) -> CallError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    CallError::from_sdk(&error)
}

fn each<T>(values: &[T], to_json: impl Fn(&T) -> Value) -> Vec<Value> {
    values.iter().map(to_json).collect()
}

fn date(date: &DateTime) -> Option<String> {
    date.fmt(DateTimeFormat::DateTime).ok()
}

fn tag(tag: &Tag) -> Value {
    json!({ "Key": tag.key(), "Value": tag.value() })
}

fn grant(grant: &Grant) -> Value {
    let grantee = grant.grantee().map(|grantee| {
        json!({
            "Type": grantee.r#type().as_str(),
            "ID": grantee.id(),
            "DisplayName": grantee.display_name(),
            "EmailAddress": grantee.email_address(),
            "URI": grantee.uri(),
        })
    });
    json!({ "Grantee": grantee, "Permission": grant.permission().map(|permission| permission.as_str()) })
}

fn encryption_rule(rule: &ServerSideEncryptionRule) -> Value {
    let default = rule.apply_server_side_encryption_by_default().map(|default| {
        json!({ "SSEAlgorithm": default.sse_algorithm().as_str(), "KMSMasterKeyID": default.kms_master_key_id() })
    });
    json!({ "ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": rule.bucket_key_enabled() })
}

fn lifecycle_rule(rule: &LifecycleRule) -> Value {
    let expiration = rule.expiration().map(|expiration| {
        json!({
            "Date": expiration.date().and_then(date),
            "Days": expiration.days(),
            "ExpiredObjectDeleteMarker": expiration.expired_object_delete_marker(),
        })
    });
    let transitions = each(rule.transitions(), |transition| {
        json!({
            "Date": transition.date().and_then(date),
            "Days": transition.days(),
            "StorageClass": transition.storage_class().map(|class| class.as_str()),
        })
    });
    let noncurrent_expiration = rule.noncurrent_version_expiration().map(|expiration| {
        json!({
            "NoncurrentDays": expiration.noncurrent_days(),
            "NewerNoncurrentVersions": expiration.newer_noncurrent_versions(),
        })
    });
    let noncurrent_transitions = each(rule.noncurrent_version_transitions(), |transition| {
        json!({
            "NoncurrentDays": transition.noncurrent_days(),
            "NewerNoncurrentVersions": transition.newer_noncurrent_versions(),
            "StorageClass": transition.storage_class().map(|class| class.as_str()),
        })
    });
    let abort = rule.abort_incomplete_multipart_upload();
    #[expect(deprecated, reason = "rules from before 2016 have their prefix here")]
    let prefix = rule.prefix();
    json!({
        "ID": rule.id(),
        "Status": rule.status().as_str(),
        "Prefix": prefix,
        "Filter": rule.filter().map(lifecycle_filter),
        "Expiration": expiration,
        "Transitions": transitions,
        "NoncurrentVersionExpiration": noncurrent_expiration,
        "NoncurrentVersionTransitions": noncurrent_transitions,
        "AbortIncompleteMultipartUpload": abort.map(|abort| json!({ "DaysAfterInitiation": abort.days_after_initiation() })),
    })
}

fn lifecycle_filter(filter: &LifecycleRuleFilter) -> Value {
    let and = filter.and().map(|and| {
        json!({
            "Prefix": and.prefix(),
            "Tags": each(and.tags(), tag),
            "ObjectSizeGreaterThan": and.object_size_greater_than(),
            "ObjectSizeLessThan": and.object_size_less_than(),
        })
    });
    json!({
        "Prefix": filter.prefix(),
        "Tag": filter.tag().map(tag),
        "ObjectSizeGreaterThan": filter.object_size_greater_than(),
        "ObjectSizeLessThan": filter.object_size_less_than(),
        "And": and,
    })
}

fn replication_rule(rule: &ReplicationRule) -> Value {
    let destination = rule.destination().map(|destination| {
        json!({
            "Bucket": destination.bucket(),
            "Account": destination.account(),
            "StorageClass": destination.storage_class().map(|class| class.as_str()),
        })
    });
    json!({
        "ID": rule.id(),
        "Priority": rule.priority(),
        "Status": rule.status().as_str(),
        "Destination": destination,
    })
}

fn routing_rule(rule: &RoutingRule) -> Value {
    let condition = rule.condition().map(|condition| {
        json!({
            "HttpErrorCodeReturnedEquals": condition.http_error_code_returned_equals(),
            "KeyPrefixEquals": condition.key_prefix_equals(),
        })
    });
    let redirect = rule.redirect().map(|redirect| {
        json!({
            "HostName": redirect.host_name(),
            "HttpRedirectCode": redirect.http_redirect_code(),
            "Protocol": redirect.protocol().map(|protocol| protocol.as_str()),
            "ReplaceKeyPrefixWith": redirect.replace_key_prefix_with(),
            "ReplaceKeyWith": redirect.replace_key_with(),
        })
    });
    json!({ "Condition": condition, "Redirect": redirect })
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            Value::Object(kept.map(|(name, member)| (name, without_nulls(member))).collect())
        }
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        value => value,
    }
}
