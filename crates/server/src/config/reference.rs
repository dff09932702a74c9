//! What can be set, as `docs/configuration.md` lists it: each section says it of itself, beside what it reads.

use super::{TENANT, database, keys, mail, network, server, signin, sync, vendors};

/// What a setting is, for people.
pub(super) struct Setting {
    /// Its section in the file; none for what stands before all sections.
    pub(super) section: Option<&'static str>,
    /// Its key there; none for what only the environment says.
    pub(super) key: Option<&'static str>,
    /// Its variable, without the prefix; none for what only the file says.
    pub(super) variable: Option<&'static str>,
    /// What it is where nobody says, in Markdown.
    pub(super) usual: String,
    /// What it does, in Markdown.
    pub(super) what: &'static str,
}

/// Everything that can be set, in the order of the guide.
pub(super) fn all() -> Vec<Setting> {
    let mut all = vec![
        Setting {
            section: None,
            key: Some("tenant"),
            variable: Some("TENANT"),
            usual: format!("`{TENANT}`"),
            what: "the tenant that commands work for. Unless one is named, that of a person alone: `connect`, `link`, `import` and `events add` make it",
        },
        Setting {
            section: None,
            key: Some("time_zone"),
            variable: Some("TIME_ZONE"),
            usual: "the system's".to_owned(),
            what: "the zone of times that are typed and shown, and of new calendars",
        },
    ];
    all.extend(database::reference());
    all.extend(keys::reference());
    all.extend(network::reference());
    all.extend(sync::reference());
    all.extend(server::reference());
    all.extend(vendors::reference());
    all.extend(mail::reference());
    all.extend(signin::reference());
    all.push(Setting {
        section: None,
        key: None,
        variable: Some("LOG"),
        usual: "`warn`".to_owned(),
        what: "what is logged on the stream of errors: `info`, `kalends_engine=debug`, ...",
    });
    all.push(Setting {
        section: None,
        key: None,
        variable: Some("CONFIG"),
        usual: "see above".to_owned(),
        what: "the settings file",
    });
    all
}

/// How the table begins.
const HEAD: &str = "| file | environment | default | what it is |\n";

/// Everything that can be set as a table in Markdown.
pub(crate) fn table() -> String {
    let mut text = format!("{HEAD}|---|---|---|---|\n");
    for setting in all() {
        let file = match (setting.section, setting.key) {
            (Some(section), Some(key)) => format!("`[{section}] {key}`"),
            (None, Some(key)) => format!("`{key}`"),
            (_, None) => String::new(),
        };
        let variable = setting.variable.map(|name| format!("`KALENDS_{name}`"));
        let variable = variable.unwrap_or_default();
        for cell in [&file, &variable, &setting.usual, setting.what] {
            text.push('|');
            if !cell.is_empty() {
                text.extend([" ", cell]);
            }
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::File;
    use super::*;

    const GUIDE: &str = include_str!("../../../../docs/configuration.md");
    #[test]
    fn the_guide_has_the_table_that_the_code_makes() {
        let begin = GUIDE.find(HEAD).unwrap();
        let rest = &GUIDE[begin..];
        let found = &rest[..=rest.find("\n\n").unwrap()];
        let made = table();
        assert!(
            found == made,
            "docs/configuration.md is to have the table of `kalends settings`:\n{made}"
        );
    }

    /// The keys that a section knows, by its own word about one that it does not know.
    fn known(section: Option<&str>) -> BTreeSet<String> {
        let text = match section {
            Some(section) => format!("[{section}]\nnonsense = 1\n"),
            None => "nonsense = 1\n".to_owned(),
        };
        let error = toml::from_str::<File>(&text).unwrap_err();
        let (_, expected) = error.message().split_once(", expected ").unwrap();
        let quoted = expected.split('`').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    }

    #[test]
    fn every_key_of_the_file_is_told_and_no_other() {
        let all = all();
        let mut sections: BTreeSet<&str> = all.iter().filter_map(|one| one.section).collect();
        let mut top = known(None);
        for section in std::mem::take(&mut sections) {
            assert!(top.remove(section), "there is no section {section}");
            let told: BTreeSet<String> = all
                .iter()
                .filter(|one| one.section == Some(section))
                .filter_map(|one| one.key.map(str::to_owned))
                .collect();
            assert_eq!(told, known(Some(section)), "[{section}]");
        }
        let told: BTreeSet<String> = all
            .iter()
            .filter(|one| one.section.is_none())
            .filter_map(|one| one.key.map(str::to_owned))
            .collect();
        assert_eq!(told, top);
    }
}
