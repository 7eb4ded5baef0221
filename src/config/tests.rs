//! Layers that hide each other, and mistakes that are told together.

use super::*;

struct Machine {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
    flags: Vec<(&'static str, &'static str, String)>,
}

impl Machine {
    fn new(file: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".config/packline");
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("config.toml"), file).expect("a file");
        let variables = vec![("HOME", home.path().display().to_string())];
        Self {
            home,
            variables,
            flags: Vec::new(),
        }
    }

    fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&Given {
            file: None,
            flags: self.flags.clone(),
            environment: &|name| {
                let set = self.variables.iter().find(|(known, _)| *known == name);
                set.map(|(_, value)| value.into())
            },
        })
    }

    fn file(&self) -> PathBuf {
        self.home.path().join(".config/packline/config.toml")
    }
}

fn url(config: &Config) -> (String, Source) {
    let setting = &config.database_url;
    (setting.value.shown(), setting.source.clone())
}

#[test]
fn with_nothing_set_every_value_is_its_default() {
    let machine = Machine::new("");
    let config = machine.load().expect("no mistakes");
    assert!(config.database_url.value.is_none());
    assert_eq!(
        config.data_dir.value,
        machine.home.path().join(".local/share/packline")
    );
    assert!(
        config
            .entries()
            .iter()
            .all(|(.., source)| **source == Source::Default)
    );
    assert_eq!(config.entries().len(), KEYS.len());
}

#[test]
fn the_database_comes_from_the_flag_then_our_variable_then_the_shared_one_then_the_file() {
    let mut machine = Machine::new("# ours\n[database]\nurl = 'postgres://file/shop'\n");
    let line_3 = Source::File(machine.file(), 3);
    assert_eq!(
        url(&machine.load().expect("file")),
        ("postgres://file/shop".into(), line_3)
    );
    machine = machine.with("DATABASE_URL", "postgres://shared/shop");
    assert_eq!(
        url(&machine.load().expect("shared")).0,
        "postgres://shared/shop"
    );
    machine = machine.with("PACKLINE_DATABASE_URL", "postgres://own/shop");
    assert_eq!(
        url(&machine.load().expect("own")),
        (
            "postgres://own/shop".into(),
            Source::Environment("PACKLINE_DATABASE_URL".into())
        )
    );
    let flag = (
        "--database-url",
        "database.url",
        "postgres://flag/shop".to_owned(),
    );
    machine.flags.push(flag);
    assert_eq!(
        url(&machine.load().expect("flag")).0,
        "postgres://flag/shop"
    );
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let machine = Machine::new(
        "data_dir = 'here'\n\n[shop]\nname = 'Ines & co'\ntime_zone = 'Lisbon'\nnam = 1\n[log]\nlevel = []\n",
    )
    .with("PACKLINE_DATABASE_URL", "mysql://ana:s3cret@h/shop");
    let errors = machine.load().expect_err("five mistakes").to_string();
    let file = machine.file().display().to_string();
    for expected in [
        format!("{file}:1: data_dir: expected an absolute path"),
        format!(
            "{file}:5: shop.time_zone: expected an IANA time zone such as Europe/Lisbon, found \"Lisbon\""
        ),
        format!("{file}:6: shop.nam is not a setting"),
        format!("{file}:8: log.level: expected one of off"),
        "PACKLINE_DATABASE_URL: database.url: expected postgres://".to_owned(),
    ] {
        assert!(
            errors.contains(&expected),
            "{expected}\nis not in\n{errors}"
        );
    }
    assert_eq!(errors.lines().count(), 5, "{errors}");
    assert!(!errors.contains("s3cret"));
}

#[test]
fn a_broken_line_does_not_hide_the_mistakes_after_it() {
    let machine = Machine::new("[shop]\nname = \n[log]\nlevel = 'loud'\n");
    let errors = machine.load().expect_err("two mistakes");
    let lines: Vec<_> = errors.0.iter().map(|error| error.place.clone()).collect();
    assert_eq!(
        lines,
        [
            Source::File(machine.file(), 2),
            Source::File(machine.file(), 4)
        ],
        "{errors}"
    );
}

#[test]
fn what_other_programs_set_is_not_checked_where_it_does_not_count() {
    let machine = Machine::new("")
        .with("DATABASE_URL", "mysql://elsewhere")
        .with("PACKLINE_DATABASE_URL", "postgres://own/shop");
    assert_eq!(
        url(&machine.load().expect("ours counts")).0,
        "postgres://own/shop"
    );
}

#[test]
fn lists_are_lists_in_the_file_and_words_or_lines_elsewhere() {
    let machine = Machine::new(
        "[print]\ncommand = ['lp', '-d', 'the printer']\n[shop]\naddress = 'Rua 1\\n2'\n[notice]\nhold = '2m'\n",
    )
    .with("PACKLINE_SHOP_ADDRESS", "Rua Direita 1\n 1100 Lisboa ");
    let config = machine.load().expect("no mistakes");
    assert_eq!(config.print_command.value.0, ["lp", "-d", "the printer"]);
    assert_eq!(
        config.shop_address.value.0,
        ["Rua Direita 1", "1100 Lisboa"]
    );
    assert_eq!(config.notice_hold.value, Duration::from_mins(2));
    let machine = Machine::new("").with("PACKLINE_PRINT_COMMAND", "lp -d zebra");
    let config = machine.load().expect("no mistakes");
    assert_eq!(config.print_command.value.0, ["lp", "-d", "zebra"]);
    let machine = Machine::new("[shop]\nname = ['a']\n[print]\ncommand = [1]\n");
    let errors = machine.load().expect_err("two mistakes").to_string();
    assert_eq!(
        errors.matches("found a list or table").count(),
        2,
        "{errors}"
    );
}

#[test]
fn the_mail_server_s_password_is_not_shown() {
    let machine = Machine::new("[notice]\nfrom = 'Loja <ola@loja.pt>'\nhold = '0s'\n")
        .with("PACKLINE_SMTP_URL", "smtps://ola:s3cret@mx.loja.pt");
    let config = machine.load().expect("no mistakes");
    assert_eq!(config.notice_hold.value, Duration::ZERO);
    let shown: Vec<_> = config
        .entries()
        .iter()
        .map(|(_, value, _)| value.clone())
        .collect();
    assert!(
        shown.contains(&"Loja <ola@loja.pt>".to_owned()),
        "{shown:?}"
    );
    assert!(
        shown.contains(&"smtps://ola:***@mx.loja.pt:465".to_owned()),
        "{shown:?}"
    );
    let machine = Machine::new("[notice]\nhold = 'soon'\n");
    let errors = machine.load().expect_err("a mistake").to_string();
    assert!(
        errors.contains("a time such as 60s, 5m or 2h, found \"soon\""),
        "{errors}"
    );
}

#[test]
fn a_file_that_was_named_must_exist() {
    let machine = Machine::new("").with("PACKLINE_CONFIG", "/nowhere/packline.toml");
    let errors = machine.load().expect_err("it is missing").to_string();
    assert!(errors.contains("/nowhere/packline.toml"), "{errors}");
}
