//! How this process names itself when it holds a lease, and whether another process that does still lives.
//!
//! A lease of a process that was killed runs out by itself. On the machine where it was killed one need not wait for
//! that: its name says which process it was, and the system says that there is none such any more.

use std::fs;

/// What separates the parts of a holder's name.
const SEPARATOR: char = ' ';

/// The name of this process: host, process id, and for Linux when it began and on which boot and process table.
pub(crate) fn own_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().replace(SEPARATOR, "-"))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "here".to_owned());
    let pid = std::process::id();
    match (began(pid), machine()) {
        (Some(began), Some(machine)) => format!("{host} {pid} {began} {machine}"),
        _ => format!("{host} {pid}"),
    }
}

/// Whether a holder is a process of this machine that is no more. False where that cannot be told.
pub(crate) fn is_dead(holder: &str) -> bool {
    let parts: Vec<&str> = holder.split(SEPARATOR).collect();
    let [_, pid, its_beginning, its_machine] = parts[..] else {
        return false;
    };
    let (Ok(pid), Some(machine)) = (pid.parse(), machine()) else {
        return false;
    };
    its_machine == machine && is_another(its_beginning, began(pid).as_deref(), sees_all())
}

/// Whether the process that has this number now, if any is seen, is not the one that began then.
fn is_another(its_beginning: &str, seen: Option<&str>, sees_all: bool) -> bool {
    match seen {
        Some(beginning) => beginning != its_beginning,
        None => sees_all,
    }
}

/// Whether the processes of other users can be seen: `hidepid` hides them (proc(5)), and then also the first of all.
fn sees_all() -> bool {
    fs::read_to_string("/proc/1/stat").is_ok()
}

/// A holder for people: `host, process 1234`.
pub(crate) fn for_people(holder: &str) -> String {
    let mut parts = holder.split(SEPARATOR);
    match (parts.next(), parts.next()) {
        (Some(host), Some(pid)) => format!("{host}, process {pid}"),
        _ => holder.to_owned(),
    }
}

/// When a process began, in ticks since boot: tells it from a later one with the same number. None if it is no more.
fn began(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may itself hold spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    // Field 22 of the file (proc(5)), the 20th after the name, of which the state was the first.
    fields.nth(18).map(str::to_owned)
}

/// This boot of this machine, and the table in which process numbers mean something (containers have their own).
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let table = fs::read_link("/proc/self/ns/pid").ok()?;
    let table: String = table
        .to_str()?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Some(format!("{}-{table}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_dead_when_its_number_is_free_or_another_has_it() {
        let own = own_name();
        assert!(!is_dead(&own));
        let Some(machine) = machine() else {
            println!("skipped: no /proc here");
            return;
        };
        assert!(is_dead(&format!("host {} 1 {machine}", std::process::id())));
        assert!(is_dead(&format!("host 4194305 1 {machine}")));
        assert!(!is_dead("host 4194305 1 another-machine"));
        assert!(!is_dead("host 4194305"));
        assert!(!is_dead(""));
    }

    #[test]
    fn a_process_that_may_be_hidden_is_not_called_dead() {
        for (seen, sees_all, expected) in [
            (Some("7"), true, false),
            (Some("7"), false, false),
            (Some("8"), true, true),
            (Some("8"), false, true),
            (None, true, true),
            (None, false, false),
        ] {
            assert_eq!(
                is_another("7", seen, sees_all),
                expected,
                "{seen:?} {sees_all}"
            );
        }
    }
}
