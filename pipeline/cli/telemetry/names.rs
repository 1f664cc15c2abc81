//! The numbers and what they mean, for those who read `/metrics`.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Gives each number its help text.
pub(crate) fn describe() {
    describe_counter!("pacbot_collect_requests_total", "Calls to the cloud by service and how they ended.");
    describe_counter!("pacbot_throttled_total", "Answers of the cloud that said: too fast.");
    describe_histogram!("pacbot_request_duration_seconds", "How long calls to the cloud took, with retries and waits.");
    describe_gauge!("pacbot_collect_assets", "Assets of a type that the last collection landed.");
    describe_counter!("pacbot_lake_commits_total", "Commits to the lake; overtaken ones are decided again.");
    describe_gauge!("pacbot_stage_duration_seconds", "How long a stage took when it last ended.");
    describe_gauge!("pacbot_stage_problems", "What a stage could not collect or judge when it last ended.");
    describe_gauge!("pacbot_stage_finished_timestamp_seconds", "When a stage last ended, by status.");
    describe_gauge!("pacbot_policy_duration_seconds", "How long a policy took when it was last evaluated.");
    describe_gauge!("pacbot_policies", "Policies of the last evaluation by status.");
    describe_gauge!("pacbot_violations", "Violations that the last evaluation found.");
    describe_gauge!("pacbot_issues", "Issues by state and severity.");
    describe_counter!("pacbot_job_runs_total", "Runs of jobs by how they ended.");
    describe_gauge!("pacbot_job_duration_seconds", "How long a job took when it last ended.");
    describe_gauge!("pacbot_job_last_success_timestamp_seconds", "When a job last ended well.");
    describe_gauge!("pacbot_job_next_timestamp_seconds", "When a job starts next.");
    describe_gauge!("pacbot_jobs_running", "Jobs that run now.");
    describe_gauge!("pacbot_leader", "1 where this scheduler leads, else 0.");
    describe_gauge!("pacbot_leader_term", "The term of the leader that this scheduler knows.");
}
