//! The name of a creation, by which Graph answers a second one with what the first had made, wherever that is by now.

use std::sync::Arc;

use kalends_calendar::failure::Class;
use kalends_calendar::provider::{Provider, Receipt};

use super::outlook::Outlook;
use super::writing::settled;
use super::{account, berlin, calendar, create, event, mark, now};

#[test]
fn what_was_moved_to_another_calendar_is_made_again_here() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let lunch = event("Lunch", berlin("2026-06-01T10:00:00"));
    let wanted = create(&lunch);
    let (first, _) = settled(now(account.write(&calendar(), &wanted)).unwrap());
    outlook.drag(first.id.as_str(), "another");
    // Graph answers the name with the event that it knows by it; that one is not here.
    let (second, observed) = settled(now(account.write(&calendar(), &wanted)).unwrap());
    assert_ne!(second.id, first.id);
    assert_eq!(observed.mark, Some(mark()));
    assert_eq!(observed.event.uid, lunch.uid);
    // Repeated, it meets itself.
    let receipt = now(account.write(&calendar(), &wanted)).unwrap();
    assert!(matches!(receipt, Receipt::ReadBack { remote_id, .. } if remote_id == second.id));
    assert_eq!(outlook.ids().len(), 2);
}

#[test]
fn a_name_that_is_refused_is_looked_for() {
    let outlook = Outlook::new();
    outlook.refuse_known_names();
    let account = account(Arc::clone(&outlook) as _);
    let wanted = create(&event("Lunch", berlin("2026-06-01T10:00:00")));
    let (first, _) = settled(now(account.write(&calendar(), &wanted)).unwrap());
    let failure = now(account.write(&calendar(), &wanted)).unwrap_err();
    assert_eq!(failure.class, Class::Exists, "it is here");
    outlook.drag(first.id.as_str(), "another");
    let failure = now(account.write(&calendar(), &wanted)).unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert!(
        failure.message.contains("another calendar"),
        "{}",
        failure.message
    );
    assert_eq!(outlook.ids().len(), 1);
}
