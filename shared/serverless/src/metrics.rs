//! The three metrics of our own, as lines of the embedded metric format: CloudWatch makes metrics of them, no call is needed.
//!
//! Each costs 0.30 dollars a month for each set of dimensions, so there are no more. `Success`: a cycle of a pair that came to its
//! end. `Attention`: 1 if a person should look (a hold, a recipient set aside, an incomplete reading), else 0. `CertificateDays`:
//! until the first certificate of the stack ends.
//! (Amazon CloudWatch user guide, "Specification: Embedded metric format".)

use engine::records::{Outcome, RunSummary, is_stuck};
use gal::Side;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The namespace that the template's alarms look at.
const NAMESPACE: &str = "galbridge";

/// What is told of one cycle of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// It came to its end.
    pub(crate) success: bool,
    /// Whether a person should look, where this is known.
    pub(crate) attention: Option<bool>,
    /// Days until the first certificate ends, where it was looked at.
    pub(crate) certificate_days: Option<i64>,
}

impl Told {
    /// Of a run.
    pub(crate) fn run(run: &RunSummary) -> Self {
        let set_aside = run.attention || Side::BOTH.into_iter().any(|side| run.counters.get(side).quarantined > 0);
        let stuck = is_stuck(&run.counters);
        match run.outcome {
            // It began and could do nothing: what is only throttled for a while is done by one of the next.
            Outcome::Partial(_) if stuck => Self { success: false, attention: Some(set_aside), certificate_days: None },
            // Done, or as far as it came; the next one goes on.
            Outcome::Completed | Outcome::Partial(_) => Self { success: true, attention: Some(set_aside), certificate_days: None },
            // Everything else was done, where anything could be.
            Outcome::Held(_) => Self { success: !stuck, attention: Some(true), certificate_days: None },
            // No success; the alarm counts the time since the last one.
            Outcome::Failed(_) => Self::default(),
        }
    }

    /// The line; none if there is nothing to tell.
    pub(crate) fn line(self, stack: &str, pair: &str, at: Timestamp) -> Option<String> {
        let mut of_pair = Vec::new();
        let mut values = json!({"Stack": stack, "Pair": pair});
        let mut add = |metrics: &mut Vec<Value>, name: &str, value: i64| {
            metrics.push(json!({"Name": name}));
            values[name] = json!(value);
        };
        if self.success {
            add(&mut of_pair, "Success", 1);
        }
        if let Some(attention) = self.attention {
            add(&mut of_pair, "Attention", i64::from(attention));
        }
        let mut of_stack = Vec::new();
        if let Some(days) = self.certificate_days {
            add(&mut of_stack, "CertificateDays", days);
        }
        let directives: Vec<Value> = [(json!([["Stack", "Pair"]]), of_pair), (json!([["Stack"]]), of_stack)]
            .into_iter()
            .filter(|(_, metrics)| !metrics.is_empty())
            .map(|(dimensions, metrics)| json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}))
            .collect();
        if directives.is_empty() {
            return None;
        }
        values["_aws"] = json!({"Timestamp": at.as_millisecond(), "CloudWatchMetrics": directives});
        Some(values.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once a tenant that took no write for days was a success every ten minutes, and no alarm told.
    #[test]
    fn a_run_that_could_do_nothing_is_no_success() {
        let now = Timestamp::UNIX_EPOCH;
        let mut run = RunSummary {
            id: "r".to_owned(),
            pair: "p".to_owned(),
            kind: engine::records::RunKind::Reconcile,
            began: now,
            ended: now,
            outcome: Outcome::Partial("not everything could be done yet".to_owned()),
            counters: gal::Sides::default(),
            left: 1,
            attention: false,
            notes: Vec::new(),
        };
        assert!(Told::run(&run).success, "the time was up");
        run.counters.b.deferred = 3;
        assert!(!Told::run(&run).success);
        let held = RunSummary { outcome: Outcome::Held("too many".to_owned()), ..run.clone() };
        assert!(!Told::run(&held).success && Told::run(&held).attention == Some(true));
        run.counters.a.updated = 1;
        assert!(Told::run(&run).success, "it went on");
        assert_eq!(Told::run(&run).attention, Some(false));
        // Whoever was set aside by an earlier run waits for a person still.
        run.attention = true;
        assert_eq!(Told::run(&run).attention, Some(true));
    }

    #[test]
    fn a_line_is_what_cloudwatch_wants() {
        let at = Timestamp::from_second(1_760_000_000).unwrap();
        assert_eq!(Told::default().line("acme", "p", at), None);
        let told = Told { success: true, attention: Some(false), certificate_days: Some(29) };
        let line: Value = serde_json::from_str(&told.line("acme", "p", at).unwrap()).unwrap();
        assert_eq!(
            line,
            json!({
                "Stack": "acme", "Pair": "p", "Success": 1, "Attention": 0, "CertificateDays": 29,
                "_aws": {"Timestamp": 1_760_000_000_000_i64, "CloudWatchMetrics": [
                    {"Namespace": "galbridge", "Dimensions": [["Stack", "Pair"]], "Metrics": [{"Name": "Success"}, {"Name": "Attention"}]},
                    {"Namespace": "galbridge", "Dimensions": [["Stack"]], "Metrics": [{"Name": "CertificateDays"}]},
                ]},
            })
        );
    }
}
