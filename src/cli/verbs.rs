//! `packline verbs`: what can be done, with which records, by whom.

use std::process::ExitCode;

use clap::Args;
use color_eyre::eyre::{Result, eyre};
use serde_json::{Value, json};

use super::{look, print};
use crate::config::Config;
use crate::console::input::Keymap;
use crate::domain::record::Kind;
use crate::domain::verbs::{self, Arg, ArgKind, Danger, Verb};

/// List what can be done, with which records, by whom.
#[derive(Debug, Args)]
pub(super) struct Verbs {
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

impl Verbs {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let keymap = look::keymap(config).map_err(|mistakes| eyre!("{}", mistakes.join("\n")))?;
        if self.json {
            let verbs: Vec<Value> = verbs::all()
                .map(|verb| described(verb, &keymap, config))
                .collect();
            print::json(&verbs)?;
        } else {
            for (index, kind) in Kind::ALL.iter().enumerate() {
                if index > 0 {
                    print::line("");
                }
                print::line(kind.plural());
                let usages: Vec<String> = verbs::of(*kind).iter().map(usage).collect();
                let keys: Vec<String> = verbs::of(*kind)
                    .iter()
                    .map(|verb| keymap.verb_shown(verb))
                    .collect();
                let widest = |words: &[String]| words.iter().map(String::len).max().unwrap_or(0);
                let (key_width, width) = (widest(&keys), widest(&usages));
                for (verb, (key, usage)) in verbs::of(*kind).iter().zip(keys.iter().zip(&usages)) {
                    print::line(format_args!(
                        "  {key:key_width$}  {usage:width$}  {} ({}{})",
                        verb.help,
                        verb.not_permitted(),
                        missing(verb, config).map_or_else(String::new, |why| format!("; {why}"))
                    ));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Why the verb cannot be done here whatever the record, if it cannot.
fn missing(verb: &Verb, config: &Config) -> Option<String> {
    let provided = verb.provided(config.carrier_url.value.is_some());
    provided.err().map(|why| why.to_string())
}

/// The verb with its arguments, as it is typed: `hold --reason TEXT`.
fn usage(verb: &Verb) -> String {
    let mut usage = verb.name.to_owned();
    for arg in verb.args {
        let option = format!("--{} {}", arg.name, placeholder(arg));
        usage.push(' ');
        if arg.required {
            usage.push_str(&option);
        } else {
            usage.extend(["[", &option, "]"]);
        }
    }
    usage
}

fn placeholder(arg: &Arg) -> String {
    match arg.kind {
        ArgKind::Text | ArgKind::LongText => "TEXT".to_owned(),
        ArgKind::Quantity | ArgKind::Count | ArgKind::Change => "N".to_owned(),
        ArgKind::Time => "TIME".to_owned(),
        ArgKind::OneOf(words) => words.join("|"),
        ArgKind::Staff => "LOGIN".to_owned(),
        ArgKind::Source | ArgKind::Carrier | ArgKind::ShippingOption | ArgKind::Check => {
            "NAME".to_owned()
        }
        ArgKind::Order => "NUMBER".to_owned(),
        ArgKind::Country => "CODE".to_owned(),
    }
}

fn described(verb: &Verb, keymap: &Keymap, config: &Config) -> Value {
    let arguments: Vec<Value> = verb
        .args
        .iter()
        .map(|arg| {
            json!({
                "name": arg.name,
                "required": arg.required,
                "expected": arg.kind.expected(),
                "help": arg.help,
            })
        })
        .collect();
    let roles: Vec<&str> = verb.roles.iter().map(|role| role.as_str()).collect();
    json!({
        "kind": verb.kind.as_str(),
        "name": verb.name,
        "help": verb.help,
        "keys": keymap.verb_chords(verb).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "arguments": arguments,
        "roles": roles,
        "asks": verb.danger == Danger::Confirm,
        "missing": missing(verb, config),
    })
}
