//! The further services of the estate: every type that the emulator serves, collected from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::compared;
use crate::estate::{self, Flag, Places};
use crate::pacbot::Pacbot;
use crate::servers::estate_file;
use crate::servers::moto::Moto;

#[test]
fn every_further_type_lands_as_boto3_lists_it_and_is_judged() {
    let text = std::fs::read_to_string(estate_file("wide_types.json")).unwrap();
    let types: BTreeSet<String> = serde_json::from_str(&text).unwrap();
    let moto = Moto::start();
    let pacbot = Pacbot::new(&estate::config(&moto.endpoint(), &format!("[collect]\ntypes = {text}\n")));
    let truth = estate::seed_wide(&moto.endpoint(), &pacbot.path("truth.json"));
    let mut flags = truth.all_flags();
    let observed: BTreeMap<String, Places> =
        truth.observed.into_iter().filter(|(table, _)| types.contains(table)).collect();
    assert_eq!(observed.keys().collect::<BTreeSet<_>>(), types.iter().collect(), "the truth is about all of them");
    let is_empty = |places: &Places| places.values().flat_map(BTreeMap::values).all(Vec::is_empty);
    let empty: Vec<&String> = observed.iter().filter(|(_, places)| is_empty(places)).map(|(table, _)| table).collect();
    assert!(empty.is_empty(), "nothing was made of {empty:?}");

    pacbot.expect(0, &["collect"]);
    let flaws: Vec<serde_json::Value> = pacbot.rows(
        "select asset_type, region, request, status, error, cell_errors, broken_items, failed_items from coverage \
         where status not in ('complete', 'skipped') or cell_errors + broken_items + failed_items > 0",
    );
    assert!(flaws.is_empty(), "{flaws:#?}");
    compared::landed_as_observed(&pacbot, &observed);

    pacbot.expect(0, &["evaluate"]);
    let judged = compared::judged_policies(&pacbot);
    flags.retain(|flag| judged.contains(&flag.policy));
    let policies: BTreeSet<&String> = flags.iter().map(|Flag { policy, .. }| policy).collect();
    assert!(policies.len() >= 40, "only {policies:?} are violated on purpose");
    compared::flags_are_open(&pacbot, &flags);
}
