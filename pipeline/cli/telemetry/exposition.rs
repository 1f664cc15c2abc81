//! Prometheus' text, added up over processes.
//!
//! Each job is a process that counts from zero. What it leaves is added to what those before it left, so that counters
//! only grow; of a gauge, the newest value counts.

use std::fmt::Write;

use indexmap::IndexMap;

/// What the text is called over HTTP.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Families of samples by name, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exposition(IndexMap<String, Family>);

#[derive(Debug, Clone, Default)]
struct Family {
    help: Option<String>,
    kind: String,
    /// By name and labels, as they are written.
    samples: IndexMap<String, f64>,
}

impl Exposition {
    /// Adds what a process of ours wrote: samples stand below the type of their family.
    pub(crate) fn add(&mut self, text: &str) {
        let mut name = String::new();
        let mut help = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(told) = line.strip_prefix("# HELP ") {
                help = Some(told.to_owned());
            } else if let Some((family, kind)) = line.strip_prefix("# TYPE ").and_then(|told| told.split_once(' ')) {
                name = family.to_owned();
                let family = self.0.entry(name.clone()).or_default();
                kind.clone_into(&mut family.kind);
                family.help = help.take().or(family.help.take());
            } else if let Some((key, value)) = line.rsplit_once(' ')
                && let (Ok(value), Some(family)) = (value.parse::<f64>(), self.0.get_mut(&name))
            {
                let sample = family.samples.entry(key.to_owned()).or_default();
                *sample = if family.kind == "gauge" { value } else { *sample + value };
            }
        }
    }

    /// As Prometheus reads it.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            let mut line = |line: std::fmt::Arguments<'_>| {
                // Writing to a string does not fail.
                let _ = text.write_fmt(line);
                text.push('\n');
            };
            if let Some(help) = &family.help {
                line(format_args!("# HELP {help}"));
            }
            line(format_args!("# TYPE {name} {}", family.kind));
            for (key, value) in &family.samples {
                line(format_args!("{key} {value}"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_gauges_follow() {
        let process = |count: u32| {
            format!(
                "# HELP pacbot_x_total Words, and more.\n# TYPE pacbot_x_total counter\npacbot_x_total{{service=\"ec2 b\"}} {count}\n\n\
                 # TYPE pacbot_y gauge\npacbot_y {count}\n\n\
                 # TYPE pacbot_z_seconds histogram\npacbot_z_seconds_bucket{{le=\"+Inf\"}} {count}\npacbot_z_seconds_sum 0.5\npacbot_z_seconds_count {count}\n"
            )
        };
        let mut all = Exposition::default();
        all.add(&process(3));
        all.add(&process(2));
        insta::assert_snapshot!(all.to_text(), @r#"
        # HELP pacbot_x_total Words, and more.
        # TYPE pacbot_x_total counter
        pacbot_x_total{service="ec2 b"} 5
        # TYPE pacbot_y gauge
        pacbot_y 2
        # TYPE pacbot_z_seconds histogram
        pacbot_z_seconds_bucket{le="+Inf"} 5
        pacbot_z_seconds_sum 1
        pacbot_z_seconds_count 5
        "#);
    }
}
