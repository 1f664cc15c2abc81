use crate::testing::{VirtualClock, label};

use super::*;

fn limiter(text: &str) -> (Limiter, SharedClock, Arc<VirtualClock>) {
    let hands = Arc::new(VirtualClock::default());
    let clock = SharedClock(hands.clone());
    (Limiter::new(&toml::from_str(text).unwrap(), clock.clone(), true), clock, hands)
}

/// The time that `requests` requests take one after the other.
async fn time_of(limiter: &Limiter, clock: &SharedClock, label: &CallLabel, requests: usize) -> Duration {
    let began = clock.steady();
    for _ in 0..requests {
        limiter.admit(label).await;
    }
    clock.steady() - began
}

fn about(time: Duration, seconds: f64) -> bool {
    (time.as_secs_f64() - seconds).abs() < 0.01
}

#[tokio::test]
async fn a_burst_passes_and_then_the_rate_holds() {
    let (limiter, clock, _) = limiter("requests_per_second = 20\nburst = 100");
    let ec2 = label("1", "ec2");
    assert!(time_of(&limiter, &clock, &ec2, 100).await.is_zero());
    let rest = time_of(&limiter, &clock, &ec2, 100).await;
    assert!(about(rest, 5.0), "{rest:?}");
}

#[tokio::test]
async fn accounts_regions_and_services_do_not_wait_for_each_other() {
    let (limiter, clock, _) = limiter("requests_per_second = 1\nburst = 1");
    for label in [label("1", "ec2"), label("2", "ec2"), label("1", "rds")] {
        assert!(time_of(&limiter, &clock, &label, 1).await.is_zero());
    }
    let mut elsewhere = label("1", "ec2");
    elsewhere.region = Region::new("us-east-1").unwrap();
    assert!(time_of(&limiter, &clock, &elsewhere, 1).await.is_zero());
    assert!(about(time_of(&limiter, &clock, &label("1", "ec2"), 1).await, 1.0));
}

#[tokio::test]
async fn throttling_halves_the_rate_down_to_the_floor() {
    let (limiter, clock, hands) = limiter("requests_per_second = 20\nburst = 100");
    let ec2 = label("1", "ec2");
    limiter.note(&ec2, true);
    let halved = time_of(&limiter, &clock, &ec2, 10).await;
    assert!(about(halved, 1.0), "{halved:?}: the burst is spent and 10 pass a second");
    for _ in 0..20 {
        hands.advance(CUT_PAUSE);
        limiter.note(&ec2, true);
    }
    let floor = time_of(&limiter, &clock, &ec2, 3).await;
    assert!(about(floor, 6.0), "{floor:?}: one passes every two seconds");
}

#[tokio::test]
async fn requests_that_are_throttled_together_count_as_one() {
    let (limiter, clock, _) = limiter("requests_per_second = 20");
    let ec2 = label("1", "ec2");
    for _ in 0..32 {
        limiter.note(&ec2, true);
    }
    assert!(about(time_of(&limiter, &clock, &ec2, 10).await, 1.0));
}

#[tokio::test]
async fn successes_raise_the_rate_again_up_to_the_configured_one() {
    let (limiter, clock, _) = limiter("requests_per_second = 20\nburst = 1");
    let ec2 = label("1", "ec2");
    limiter.note(&ec2, true);
    for _ in 0..RAISE_AFTER {
        limiter.note(&ec2, false);
    }
    assert!(about(time_of(&limiter, &clock, &ec2, 12).await, 1.0), "10 + 20 / 10 pass a second");
    for _ in 0..RAISE_AFTER * 100 {
        limiter.note(&ec2, false);
    }
    assert!(about(time_of(&limiter, &clock, &ec2, 20).await, 1.0));
}

#[tokio::test]
async fn idle_buckets_are_dropped() {
    let (limiter, _, hands) = limiter("");
    for id in 0..5000 {
        hands.advance(Duration::from_secs(1));
        limiter.admit(&label(&id.to_string(), "ec2")).await;
    }
    let held = limiter.pace.as_ref().unwrap().buckets.lock().unwrap().by_key.len();
    assert!(held < 1000, "{held}");
}

#[tokio::test]
async fn no_more_than_configured_are_in_flight() {
    let (limiter, ..) = limiter("concurrency = 2");
    let (one, other) = (limiter.admit(&label("1", "ec2")).await, limiter.admit(&label("2", "rds")).await);
    assert_eq!(limiter.in_flight.available_permits(), 0);
    drop((one, other));
    assert_eq!(limiter.in_flight.available_permits(), 2);
}

#[tokio::test]
async fn a_replay_is_not_paced() {
    let clock = SharedClock(Arc::new(VirtualClock::default()));
    let limiter = Limiter::new(&toml::from_str("requests_per_second = 1\nburst = 1").unwrap(), clock.clone(), false);
    assert!(time_of(&limiter, &clock, &label("1", "ec2"), 100).await.is_zero());
}
