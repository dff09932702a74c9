//! Each law of the oracle is broken on purpose once: the oracle must cry.

use kalends_sim::{Law, Plant};

use crate::stage::play_seeds;

/// So many seeds are tried; a planted fault that none of them shows is one that the oracle does not see.
const SEEDS: std::ops::Range<u64> = 0..12;

/// Plants a fault and waits for one of these laws to be broken by it.
fn must_cry(plant: Plant, laws: &[Law]) {
    let mut others = Vec::new();
    for (seed, played) in play_seeds(SEEDS, plant) {
        match played.violation {
            Some(violation) if laws.contains(&violation.law) => return,
            other => others.push((seed, other)),
        }
    }
    panic!("{plant:?}: none of {laws:?} was broken, but {others:#?}");
}

#[test]
fn a_write_under_an_old_fence_is_seen() {
    must_cry(Plant::FenceStolen, &[Law::OldFence]);
}

#[test]
fn another_tenants_account_is_seen() {
    must_cry(Plant::TenantMixUp, &[Law::TenantsApart]);
}

#[test]
fn a_title_through_a_busy_only_link_is_seen() {
    must_cry(Plant::TitleLeak, &[Law::BusyLeaks]);
}

#[test]
fn a_deletion_that_nobody_made_is_seen() {
    must_cry(Plant::EmptyMeansGone, &[Law::DeletedByNobody]);
}

#[test]
fn a_mail_is_seen() {
    must_cry(Plant::GuestsUnsilenced, &[Law::NoMail]);
}

#[test]
fn a_budget_overdrawn_is_seen() {
    must_cry(Plant::RequestsRepeated, &[Law::Budgets]);
}

#[test]
fn a_request_before_its_time_is_seen() {
    must_cry(Plant::RetryAfterUnheard, &[Law::RetryAfter]);
}

#[test]
fn a_write_that_never_went_out_is_seen() {
    must_cry(Plant::WritesForgotten, &[Law::SidesDiffer]);
}

#[test]
fn an_event_made_twice_is_seen() {
    must_cry(Plant::CreatesTwice, &[Law::Doubled]);
}

#[test]
fn an_edit_overwritten_without_a_word_is_seen() {
    must_cry(Plant::NoPreconditions, &[Law::EditLost]);
}

#[test]
fn an_edit_undone_behind_the_scenes_is_seen() {
    must_cry(Plant::EditUndone, &[Law::EditLost]);
}

#[test]
fn a_link_that_never_rests_is_seen() {
    must_cry(Plant::ServerMeddles, &[Law::NoRest, Law::Budgets]);
}
