//! Keys and colours: the program's own, with a person's files over them.

use std::path::Path;
use std::{fs, io};

use color_eyre::eyre::{Result, eyre};

use super::log;
use super::terms::{printing, terms};
use crate::config::{AlarmBy, Config, Source, state_dir};
use crate::console::ConsoleOptions;
use crate::console::app::Settings;
use crate::console::input::Keymap;
use crate::console::terminal::{Alarm, Capabilities, Depth, Outside};
use crate::console::view::{THEMES, Theme};
use crate::domain::mistakes::Mistakes;

/// Keys, beside the settings file.
pub(super) const KEYMAP: &str = "keymap.toml";
/// Themes, beside the settings file.
pub(super) const THEME_DIR: &str = "themes";

/// All that the console is told when it starts.
///
/// # Errors
/// Every mistake in the person's keymap and theme at once, each with file and line.
pub(super) fn options(config: &Config) -> Result<ConsoleOptions> {
    let environment = |name: &str| std::env::var(name).ok();
    let mut mistakes = Vec::new();
    let mut known = |told: Vec<String>| mistakes.extend(told);
    let keymap = keymap(config).map_err(&mut known).ok();
    let theme = theme(config, environment).map_err(&mut known).ok();
    let (Some(keymap), Some(theme)) = (keymap, theme) else {
        return Err(eyre!("{}", mistakes.join("\n")));
    };
    let can = Capabilities {
        mouse: config.mouse.value,
        ..Capabilities::of(environment)
    };
    let can = Capabilities {
        links: can.links && config.links.value,
        ..can
    };
    let alarm = Alarm {
        bell: matches!(config.alarm_by.value, AlarmBy::Bell | AlarmBy::Both),
        desktop: matches!(config.alarm_by.value, AlarmBy::Desktop | AlarmBy::Both),
    };
    let state = state_dir(&|name| std::env::var_os(name));
    Ok(ConsoleOptions {
        terms: terms(config),
        printing: printing(config),
        history: Some(state.join("history")),
        // Who only reads writes nothing, and cannot give the database what earlier runs left.
        drafts: (!config.read_only.value).then(|| state.join("drafts")),
        settings: Settings {
            shop: config.shop_name.value.clone(),
            zone: config.shop_time_zone.value,
            read_only: config.read_only.value,
            log: log::file(config),
            carriers: config.carrier_url.value.is_some(),
            alarm_about: config.alarm_about.value.0.clone(),
        },
        keymap,
        // What is told by a background needs one that can be shown.
        theme: match can.depth {
            Depth::None => Theme::full(),
            _ => theme,
        }
        .with_unicode(can.unicode),
        can,
        outside: Outside::of(environment, alarm),
    })
}

/// The keymap, with the person's over it.
pub(super) fn keymap(config: &Config) -> Result<Keymap, Vec<String>> {
    let path = config.dir.join(KEYMAP);
    let text = read(&path)?.unwrap_or_default();
    Keymap::read(&text).map_err(|mistakes| placed(&path, &mistakes))
}

/// The theme that the settings name: a person's file counts more than one of ours.
pub(super) fn theme(
    config: &Config,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Theme, Vec<String>> {
    let depth = Depth::of(&environment);
    let name = match config.theme.value.as_str() {
        "auto" => background(environment).unwrap_or("terminal"),
        name => name,
    };
    let path = config.dir.join(THEME_DIR).join(format!("{name}.toml"));
    let is_name = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let own = if is_name { read(&path)? } else { None };
    match (own, Theme::named(name, depth)) {
        (Some(text), _) => Theme::parse(&text, depth).map_err(|mistakes| placed(&path, &mistakes)),
        (None, Some(theme)) => Ok(theme),
        (None, None) => {
            let place = match &config.theme.source {
                Source::Default => Source::Flag("theme".to_owned()),
                source => source.clone(),
            };
            let names: Vec<&str> = THEMES.iter().map(|(name, _)| *name).collect();
            Err(vec![format!(
                "{place}: theme: expected auto, {} or a file {}, found {name:?}",
                names.join(", "),
                config.dir.join(THEME_DIR).join("NAME.toml").display()
            )])
        }
    }
}

/// The theme for the terminal's background, where it says which that is: rxvt, Konsole and others
/// set `COLORFGBG` to numbers of the sixteen colours, the background's last.
fn background(environment: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let set = environment("COLORFGBG")?;
    match set.rsplit(';').next()?.parse::<u8>().ok()? {
        7 | 9..=15 => Some("light"),
        0..=6 | 8 => Some("dark"),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Option<String>, Vec<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(vec![format!("{}: cannot be read: {error}", path.display())]),
    }
}

fn placed(path: &Path, mistakes: &Mistakes) -> Vec<String> {
    mistakes
        .iter()
        .map(|(line, mistake)| format!("{}:{line}: {mistake}", path.display()))
        .collect()
}
