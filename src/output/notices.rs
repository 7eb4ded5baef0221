//! Notices as mails: minijinja templates by language, the shop's own over the built-in ones.
//!
//! A template is `LOCALE/KIND.subject`, `.txt` or `.html`, such as `de/delay.txt`; the HTML ones
//! extend `layout.html`. A value that a template names and that was not given is an error with its
//! line, never an empty place in a customer's mail. Values are made plain before they are filled
//! in, so that a name cannot add lines to a mail; in HTML they are escaped too.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, NaiveDate};
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use serde::Serialize;

use crate::domain::money::Money;
use crate::domain::notices::{Locale, Mail, NoticeKind};
use crate::domain::text;

/// Characters of a subject at most.
const LONGEST_SUBJECT: usize = 200;

/// What the HTML templates extend.
const LAYOUT: &str = "layout.html";

macro_rules! built_in {
    ($($locale:literal)*) => {
        &[$(built_in!(@locale $locale:
            "address_changed" "delay" "delivered" "order_confirmation" "out_for_delivery" "purchase_order"
            "purchase_order_cancelled" "shipped" "ticket_received")),*]
    };
    (@locale $locale:literal: $($kind:literal)*) => {
        &[$(
            built_in!(@file $locale, $kind, ".subject"),
            built_in!(@file $locale, $kind, ".txt"),
            built_in!(@file $locale, $kind, ".html")
        ),*]
    };
    (@file $locale:literal, $kind:literal, $ending:literal) => {(
        concat!($locale, "/", $kind, $ending),
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/assets/notices/", $locale, "/", $kind, $ending
        )),
    )};
}

/// Names and texts, by language.
const BUILT_IN: &[&[(&str, &str)]] = built_in!("en" "de" "pt");

/// What templates are filled with. Only what is given can be named by a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Values {
    /// The shop's name.
    pub shop: String,
    /// The customer's name; empty where it is not known.
    pub customer: String,
    /// The supplier's name, in a purchase order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// The order that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderValues>,
    /// The parcel that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelValues>,
    /// The promise that cannot be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<DelayValues>,
    /// The ticket that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketValues>,
    /// What a supplier is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<PurchaseOrderValues>,
}

/// An order in a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderValues {
    /// Its number, such as `#1042`.
    pub number: String,
    /// What was ordered.
    pub lines: Vec<LineValues>,
    /// What shipping costs, where it costs something.
    pub shipping: Option<Money>,
    /// The tax that comes on top of the prices.
    pub tax: Option<Money>,
    /// What is taken off, as a negative amount.
    pub discount: Option<Money>,
    /// What it costs, everything included.
    pub total: Money,
    /// The lines of the address that it goes to.
    pub address: Vec<String>,
    /// The promise, in the shop's zone.
    pub deliver_by: Option<NaiveDate>,
}

/// A line of an order, a parcel or a purchase order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineValues {
    /// The product's SKU.
    pub sku: String,
    /// The product's title.
    pub title: String,
    /// Units.
    pub quantity: i64,
    /// What the line costs; in a purchase order, one unit.
    pub amount: Option<Money>,
}

/// A parcel in a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParcelValues {
    /// Its number, such as `SHP-7`.
    pub number: String,
    /// The carrier's name.
    pub carrier: String,
    /// The carrier's code for it.
    pub tracking_code: String,
    /// Where the customer follows it.
    pub tracking_url: Option<String>,
    /// When the carrier expects to deliver it.
    pub eta: Option<NaiveDate>,
    /// What is in it.
    pub lines: Vec<LineValues>,
}

/// A delay in a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DelayValues {
    /// The new date; none where nobody knows it yet.
    pub until: Option<NaiveDate>,
    /// The date that the customer was told.
    pub was: NaiveDate,
}

/// A ticket in a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketValues {
    /// Its number, such as `TKT-7`.
    pub number: String,
    /// What it is about.
    pub subject: String,
    /// By when it will be answered.
    pub answer_by: Option<NaiveDate>,
}

/// A purchase order in a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PurchaseOrderValues {
    /// Its number, such as `PO-7`.
    pub number: String,
    /// What is asked for; the amount is of one unit.
    pub lines: Vec<LineValues>,
    /// What it costs.
    pub total: Money,
    /// Whether the supplier ships to the customer, rather than to us.
    pub to_customer: bool,
    /// The lines of the address that it goes to.
    pub address: Vec<String>,
    /// By when it should leave.
    pub ship_by: Option<NaiveDate>,
    /// Whether the supplier has sent some of it before.
    pub begun: bool,
    /// Business hours that the supplier has to accept it.
    pub accept_hours: i32,
    /// The attached file's name.
    pub file: String,
}

/// Why a template is no good, or could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A template does not parse, or names a value that was not given.
    #[error("{template}:{line}: {reason}")]
    Template {
        /// The file, or the built-in template's name.
        template: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A file of the shop's own cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no template for this kind of notice: it is written by hand.
    #[error("{0} has no template")]
    Missing(NoticeKind),
}

/// Every mistake in the shop's own templates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct TemplateErrors(pub Vec<TemplateError>);

/// All templates, ready to be filled in.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Where a template that is not built in came from.
    files: HashMap<String, PathBuf>,
}

impl Templates {
    /// The built-in templates.
    ///
    /// # Panics
    /// Never: a test reads them all.
    pub fn built_in() -> Self {
        Self::load(None).unwrap_or_else(|errors| unreachable!("built-in templates: {errors}"))
    }

    /// The built-in templates, with those of a folder in their place.
    ///
    /// # Errors
    /// Every file of the folder that cannot be read, that does not parse, or whose name is no
    /// template's.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateErrors> {
        let mut errors = Vec::new();
        let mut own = match folder {
            Some(folder) => read(folder, &mut errors),
            None => HashMap::new(),
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("money", money);
        environment.add_filter("date", date);
        let mut files = HashMap::new();
        for (name, built_in) in names() {
            let source = match own.remove(name) {
                Some((path, source)) => {
                    files.insert(name.to_owned(), path);
                    source
                }
                None => built_in.to_owned(),
            };
            if let Err(error) = environment.add_template_owned(name, source) {
                errors.push(failed(&files, &error));
            }
        }
        errors.extend(own.into_values().map(|(path, _)| {
            TemplateError::File {
                path,
                reason: "no template has this name; they are LOCALE/KIND.subject, .txt and .html, \
                     and layout.html"
                    .to_owned(),
            }
        }));
        if errors.is_empty() {
            Ok(Self { environment, files })
        } else {
            errors.sort_by_key(ToString::to_string);
            Err(TemplateErrors(errors))
        }
    }

    /// A notice as a mail.
    ///
    /// # Errors
    /// A template that names a value that was not given, or whose subject is empty.
    pub fn render(
        &self,
        kind: NoticeKind,
        locale: Locale,
        values: &Values,
    ) -> Result<Mail, TemplateError> {
        let mut values =
            serde_json::to_value(values).unwrap_or_else(|_| unreachable!("plain values"));
        make_plain(&mut values);
        values["locale"] = locale.as_str().into();
        let values = Value::from(Serde(values));
        let fill = |ending: &str| {
            let name = format!("{locale}/{kind}.{ending}");
            let template = self
                .environment
                .get_template(&name)
                .map_err(|_| TemplateError::Missing(kind))?;
            template
                .render(&values)
                .map_err(|error| failed(&self.files, &error))
        };
        let subject = fill("subject")?;
        let subject = text::plain(&subject.split_whitespace().collect::<Vec<_>>().join(" "))
            .chars()
            .take(LONGEST_SUBJECT)
            .collect::<String>();
        if subject.is_empty() {
            return Err(TemplateError::Template {
                template: place(&self.files, &format!("{locale}/{kind}.subject")),
                line: 1,
                reason: "the subject is empty".to_owned(),
            });
        }
        Ok(Mail {
            subject,
            // Without a name at its foot, nothing is left there but blank lines.
            text: fill("txt")?.trim_end().to_owned(),
            html: Some(fill("html")?),
        })
    }
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let layout = (
        LAYOUT,
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/notices/layout.html"
        )),
    );
    std::iter::once(layout).chain(BUILT_IN.iter().copied().flatten().copied())
}

/// The files of a folder and of the folders in it, by name; others' hidden files are left alone.
fn read(folder: &Path, errors: &mut Vec<TemplateError>) -> HashMap<String, (PathBuf, String)> {
    let mut found = HashMap::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let unreadable = |path: &Path, error: &std::io::Error| TemplateError::File {
            path: path.to_owned(),
            reason: format!("cannot be read: {error}"),
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                errors.push(unreadable(&folder, &error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() && prefix.is_empty() {
                folders.push((format!("{name}/"), path));
                continue;
            }
            match fs::read_to_string(&path) {
                Ok(source) => {
                    found.insert(format!("{prefix}{name}"), (path, source));
                }
                Err(error) => errors.push(unreadable(&path, &error)),
            }
        }
    }
    found
}

/// Where a template is, for a person.
fn place(files: &HashMap<String, PathBuf>, name: &str) -> String {
    match files.get(name) {
        Some(path) => path.display().to_string(),
        None => format!("built-in template {name}"),
    }
}

fn failed(files: &HashMap<String, PathBuf>, error: &Error) -> TemplateError {
    // The innermost error knows the line: a block's names its layout.
    let mut deepest = error;
    while let Some(cause) = std::error::Error::source(deepest)
        .and_then(|cause| cause.downcast_ref::<Error>())
        .filter(|cause| cause.line().is_some())
    {
        deepest = cause;
    }
    let what = deepest.kind();
    let reason = match (what, named(deepest)) {
        (ErrorKind::UndefinedError, Some(named)) => format!("{named} was not given"),
        _ => match deepest.detail() {
            Some(detail) => format!("{what}: {detail}"),
            None => what.to_string(),
        },
    };
    TemplateError::Template {
        template: place(files, deepest.name().unwrap_or("?")),
        line: deepest.line().unwrap_or(1),
        reason,
    }
}

/// What the template named where an error is.
fn named(error: &Error) -> Option<String> {
    let source = error.template_source()?;
    let range = error.range()?;
    source.get(range).map(ToOwned::to_owned)
}

/// Makes every text in a value one plain line.
fn make_plain(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(string) => {
            if let std::borrow::Cow::Owned(plain) = text::plain(string) {
                *string = plain;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(make_plain),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(make_plain),
        _ => {}
    }
}

fn locale(state: &State) -> Locale {
    state
        .lookup("locale")
        .and_then(|value| value.as_str().and_then(|word| word.parse().ok()))
        .unwrap_or(Locale::En)
}

/// `{{ order.total | money }}`: the amount as the language writes it, with the currency's code.
fn money(state: &State, value: &Value) -> Result<String, Error> {
    let expected = || Error::new(ErrorKind::InvalidOperation, "money: expected an amount");
    let minor = value
        .get_attr("minor")
        .ok()
        .and_then(|minor| i64::try_from(minor).ok())
        .ok_or_else(expected)?;
    let code = value.get_attr("currency").map_err(|_| expected())?;
    let currency = code
        .as_str()
        .and_then(crate::domain::money::Currency::from_code)
        .ok_or_else(expected)?;
    let amount = Money::new(minor, currency);
    Ok(match locale(state) {
        Locale::En => amount.to_string(),
        Locale::De | Locale::Pt => amount.to_string().replace('.', ","),
    })
}

/// `{{ order.deliver_by | date }}`: the date as the language writes it in a sentence.
fn date(state: &State, value: &Value) -> Result<String, Error> {
    let expected = || {
        Error::new(
            ErrorKind::InvalidOperation,
            "date: expected a date such as 2026-03-09",
        )
    };
    let date: NaiveDate = value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(expected)?;
    let (day, month, year) = (date.day(), date.month0() as usize, date.year());
    Ok(match locale(state) {
        Locale::En => {
            const MONTHS: [&str; 12] = [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ];
            format!("{day} {} {year}", MONTHS[month])
        }
        Locale::De => {
            const MONTHS: [&str; 12] = [
                "Januar",
                "Februar",
                "März",
                "April",
                "Mai",
                "Juni",
                "Juli",
                "August",
                "September",
                "Oktober",
                "November",
                "Dezember",
            ];
            format!("{day}. {} {year}", MONTHS[month])
        }
        Locale::Pt => {
            const MONTHS: [&str; 12] = [
                "janeiro",
                "fevereiro",
                "março",
                "abril",
                "maio",
                "junho",
                "julho",
                "agosto",
                "setembro",
                "outubro",
                "novembro",
                "dezembro",
            ];
            format!("{day} de {} de {year}", MONTHS[month])
        }
    })
}

#[cfg(test)]
mod tests;
