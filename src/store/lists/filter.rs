//! Filters in SQL. None reads what it skips: open work has its words in `open_words` and its
//! partial indexes, and in all of history a term is found by an index or not at all.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, QueryBuilder};

use super::alias;
use super::open::{push_next, push_open};
use crate::domain::filter::{Compare, Field, Filter, Term, Test, states};
use crate::domain::list::{ListQuery, Viewer};
use crate::domain::record::{Kind, Pane, RecordName};
use crate::store::db::DbError;
use crate::store::{names, stock};

/// What the names in a filter's terms mean: primary keys, found before the list is, so that the
/// planner knows how much of a table each of them is.
#[derive(Debug, Default)]
pub(super) struct Named {
    ids: BTreeMap<(Field, String), Vec<i64>>,
    /// The records with these numbers, where there are any.
    numbers: Vec<(RecordName, Vec<i64>)>,
}

impl Named {
    /// Looks the names of a filter up.
    pub(super) async fn find(
        connection: &mut PgConnection,
        filter: &Filter,
    ) -> Result<Self, DbError> {
        let mut named = Self::default();
        for term in &filter.terms {
            let (field, name) = match &term.test {
                Test::Is(field, name) => (field, name),
                Test::Number(number) => {
                    let ids = names::numbered(&mut *connection, number).await?;
                    named.numbers.push((number.clone(), ids));
                    continue;
                }
                _ => continue,
            };
            let pattern = like(name);
            let ids = match field {
                Field::Carrier => {
                    sqlx::query_scalar!("select id from carriers where name ilike $1", pattern)
                        .fetch_all(&mut *connection)
                        .await?
                }
                Field::Channel => {
                    sqlx::query_scalar!("select id from channels where name ilike $1", pattern)
                        .fetch_all(&mut *connection)
                        .await?
                }
                Field::Location => {
                    sqlx::query_scalar!("select id from locations where name ilike $1", pattern)
                        .fetch_all(&mut *connection)
                        .await?
                }
                Field::Option => {
                    sqlx::query_scalar!(
                        "select id from shipping_options where name ilike $1",
                        pattern
                    )
                    .fetch_all(&mut *connection)
                    .await?
                }
                // An order's parts lie with the supplier's location.
                Field::Supplier => {
                    sqlx::query_scalar!(
                        "select l.id from suppliers s join locations l on l.supplier_id = s.id
                         where s.name ilike $1",
                        pattern
                    )
                    .fetch_all(&mut *connection)
                    .await?
                }
                _ => continue,
            };
            named.ids.insert((*field, name.clone()), ids);
        }
        Ok(named)
    }

    fn ids(&self, field: Field, name: &str) -> Vec<i64> {
        let found = self.ids.get(&(field, name.to_owned()));
        found.cloned().unwrap_or_default()
    }

    /// The records of a kind that have this whole number, where any has.
    fn numbered(&self, kind: Kind, number: &RecordName) -> Option<&[i64]> {
        let mut numbers = self.numbers.iter();
        let found = numbers.find(|(found, _)| found == number && found.kind() == kind);
        found.map(|(_, ids)| &ids[..]).filter(|ids| !ids.is_empty())
    }
}

/// What a filter is read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The list.
    pub(super) query: &'a ListQuery,
    /// Who asks.
    pub(super) viewer: &'a Viewer,
    /// What the names mean.
    pub(super) named: &'a Named,
    /// When.
    pub(super) now: DateTime<Utc>,
}

/// Whether a filter of shipments looks at the order that their table is joined to.
pub(super) fn looks_at_parent(filter: &Filter) -> bool {
    let of_country = |term: &Term| matches!(term.test, Test::Is(Field::Country, _));
    filter.terms.iter().any(of_country)
}

/// Whether a filter of stock levels asks what orders want of them.
pub(super) fn looks_at_cover(filter: &Filter) -> bool {
    filter.terms.iter().any(|term| match &term.test {
        Test::Late => true,
        Test::Is(Field::State, state) => state == "short",
        _ => false,
    })
}

impl Reading<'_> {
    /// Pushes one condition that holds for the records of a kind that the query shows.
    pub(super) fn push(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind) {
        let filter = &self.query.filter;
        if self.query.pane == Pane::Next {
            push_next(sql, kind, self.now);
        } else if filter.wants_closed() {
            sql.push("true");
        } else {
            push_open(sql, kind, filter, self.now);
        }
        for term in &filter.terms {
            match &term.test {
                // A state that is told by one that open work has not is found by the others.
                Test::Is(Field::State, state) if term.negated && filter.wants_closed() => {
                    self.push_other_states(sql, kind, state);
                }
                test => {
                    // A test that is unknown (of a null) does not hold, so its negation does.
                    sql.push(" and (");
                    self.push_test(sql, kind, test);
                    sql.push(if term.negated { ") is not true" } else { ")" });
                }
            }
        }
    }

    fn push_other_states(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind, state: &str) {
        if kind == Kind::Stock {
            sql.push(" and (");
            self.push_state(sql, kind, state);
            sql.push(") is not true");
            return;
        }
        let others: Vec<String> = states(kind)
            .into_iter()
            .filter(|other| *other != state)
            .map(str::to_owned)
            .collect();
        let column = state_column(kind);
        sql.push(format_args!(" and {column} = any ("))
            .push_bind(others)
            .push(")");
    }

    fn push_test(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind, test: &Test) {
        let table = alias(kind);
        match test {
            Test::All => {
                sql.push("true");
            }
            Test::Snoozed => {
                sql.push("t.snoozed_until > ").push_bind(self.now);
            }
            Test::Kind(wanted) => {
                sql.push(if *wanted == kind { "true" } else { "false" });
            }
            Test::Late if kind == Kind::Stock && self.query.pane == Pane::Next => {
                sql.push(format_args!("{} < ", stock::DUE))
                    .push_bind(self.now);
            }
            Test::Late if kind == Kind::Stock => {
                sql.push("wanting.units > s.on_hand - s.reserved");
            }
            Test::Late => {
                sql.push(format_args!("{table}.due_at < "))
                    .push_bind(self.now);
            }
            Test::Is(field, value) => self.push_is(sql, kind, *field, value),
            Test::Amount(compare, thousandths) => push_amount(sql, *compare, *thousandths),
            Test::Units(_, compare, units) => {
                sql.push(format_args!("s.on_hand - s.reserved {} ", compare.sign()))
                    .push_bind(*units);
            }
            Test::Span(field, compare, span) => {
                let column = instant_column(kind, *field);
                push_span(sql, column, *compare, self.now - *span);
            }
            Test::Day(field, compare, day) => {
                let column = instant_column(kind, *field);
                let (from, to) = day.bounds(self.viewer.zone, self.now);
                push_day(sql, column, *compare, from, to);
            }
            Test::Word(word) => self.push_any_word(sql, kind, word),
            Test::Number(number) => match self.named.numbered(kind, number) {
                Some(ids) => {
                    sql.push(format_args!("{table}.id = any ("))
                        .push_bind(ids.to_vec())
                        .push(")");
                }
                None => self.push_any_word(sql, kind, &number.to_string()),
            },
        }
    }

    fn push_any_word(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind, word: &str) {
        if self.query.filter.wants_closed() {
            push_exact(sql, kind, word);
        } else {
            push_word(sql, kind, word);
        }
    }

    fn push_is(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind, field: Field, value: &str) {
        let table = alias(kind);
        let ids = || self.named.ids(field, value);
        match (field, kind) {
            (Field::State, _) => self.push_state(sql, kind, value),
            // Nobody can be given one of these to keep.
            (Field::Who, Kind::Stock | Kind::Shipment) => {
                sql.push(if value == "nobody" { "true" } else { "false" });
            }
            (Field::Who, _) if value == "nobody" => {
                sql.push(format_args!("{table}.assignee is null"));
            }
            (Field::Who, _) => {
                let login = if value == "me" {
                    &self.viewer.login
                } else {
                    value
                };
                sql.push(format_args!("{table}.assignee = "))
                    .push_bind(login.to_owned());
            }
            (Field::Tag, _) => {
                sql.push("folded(o.tags) @> array[lower(")
                    .push_bind(value.to_owned())
                    .push(")]");
            }
            (Field::Country, Kind::Shipment) => {
                sql.push("parent.country = upper(")
                    .push_bind(value.to_owned())
                    .push(")");
            }
            (Field::Country, _) => {
                sql.push("o.country = upper(")
                    .push_bind(value.to_owned())
                    .push(")");
            }
            (Field::Channel, Kind::Order) => {
                sql.push("o.channel_id = any (").push_bind(ids()).push(")");
            }
            (Field::Channel | Field::Priority, _) => {
                sql.push(format_args!("t.{field} = "))
                    .push_bind(value.to_owned());
            }
            // What the channel said counts where no option is set.
            (Field::Option, _) => {
                sql.push("o.shipping_option_id = any (")
                    .push_bind(ids())
                    .push(") or o.shipping_option_id is null and o.shipping_method ilike ")
                    .push_bind(like(value));
            }
            // An aggregate is asked for each order; `exists` may be answered by reading all of
            // history.
            (Field::Carrier, Kind::Order) => {
                sql.push("(select bool_or(carried.carrier_id = any (")
                    .push_bind(ids())
                    .push(")) from shipments carried where carried.order_id = o.id)");
            }
            (Field::Supplier, Kind::Order) => {
                sql.push("(select bool_or(part.location_id = any (")
                    .push_bind(ids())
                    .push(
                        ") and part.state not in ('rejected', 'cancelled'))
                         from fulfilments part where part.order_id = o.id)",
                    );
            }
            (Field::Sku, Kind::Order) => {
                // Each SKU is a line of its order's words.
                push_found(sql, kind, &format!("%\n{}", beginning(value)));
                sql.push(" and (select bool_or(lower(line.sku) like lower(")
                    .push_bind(beginning(value))
                    .push(")) from order_lines line where line.order_id = o.id)");
            }
            (Field::Sku, _) => {
                sql.push("s.product_id in (select id from products where lower(sku) like lower(")
                    .push_bind(beginning(value))
                    .push("))");
            }
            (Field::Supplier, _) => {
                sql.push(
                    "(select maker.name from suppliers maker where maker.id = (
                         select supplier_id
                         from competing_offers(s.product_id, (select buying_currency())) limit 1)) ilike ",
                )
                .push_bind(like(value));
            }
            (Field::Location, _) => {
                sql.push("s.location_id = any (").push_bind(ids()).push(")");
            }
            (Field::Carrier, _) => {
                sql.push("p.carrier_id = any (").push_bind(ids()).push(")");
            }
            // As its index has it.
            (Field::Tracking, _) => {
                sql.push(r#"p.tracking_status collate "C" = "#)
                    .push_bind(value.to_owned());
            }
            // No value of these is a word: the parser makes other tests of them.
            (
                Field::Kind
                | Field::Amount
                | Field::Free
                | Field::Age
                | Field::Silent
                | Field::Placed
                | Field::Created,
                _,
            ) => {
                sql.push("true");
            }
        }
    }

    fn push_state(&self, sql: &mut QueryBuilder<Postgres>, kind: Kind, state: &str) {
        match (kind, state) {
            (Kind::Stock, "short") => {
                sql.push("wanting.units > s.on_hand - s.reserved");
            }
            (Kind::Stock, "low") => {
                sql.push("s.id in (");
                stock::push_low(sql, self.now);
                sql.push(")");
            }
            (Kind::Stock, _) => {
                sql.push("s.muted_until > ").push_bind(self.now);
            }
            _ => {
                sql.push(format_args!("{} = ", state_column(kind)))
                    .push_bind(state.to_owned());
            }
        }
    }
}

const fn state_column(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "o.stage",
        Kind::Stock => "s.state",
        Kind::Shipment => "p.state",
        Kind::Inspection => "i.state",
        Kind::Ticket => "t.state",
    }
}

/// The instant that a field of spans or days looks at.
const fn instant_column(kind: Kind, field: Field) -> &'static str {
    match (field, kind) {
        (Field::Silent, _) => "coalesce(p.last_event_at, p.handed_over_at)",
        (_, Kind::Order) => "o.placed_at",
        (_, Kind::Shipment) => "p.created_at",
        (_, Kind::Inspection) => "i.created_at",
        (_, Kind::Stock | Kind::Ticket) => "t.opened_at",
    }
}

/// More than so long ago is before that instant.
fn push_span(
    sql: &mut QueryBuilder<Postgres>,
    column: &str,
    compare: Compare,
    instant: DateTime<Utc>,
) {
    let sign = match compare {
        Compare::More => "<",
        Compare::AtLeast => "<=",
        Compare::AtMost => ">=",
        Compare::Less | Compare::Equal => ">",
    };
    sql.push(format_args!("{column} {sign} "))
        .push_bind(instant);
}

fn push_day(
    sql: &mut QueryBuilder<Postgres>,
    column: &str,
    compare: Compare,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) {
    let mut bound = |sign: &str, instant: DateTime<Utc>| {
        sql.push(format_args!("{column} {sign} "))
            .push_bind(instant);
    };
    match compare {
        Compare::Less => bound("<", from),
        Compare::AtMost => bound("<", to),
        Compare::AtLeast => bound(">=", from),
        Compare::More => bound(">=", to),
        Compare::Equal => {
            bound(">=", from);
            sql.push(format_args!(" and {column} < ")).push_bind(to);
        }
    }
}

/// An amount in each order's own currency. The first condition holds wherever the second does,
/// for currencies have none to four decimals, and an index finds it.
fn push_amount(sql: &mut QueryBuilder<Postgres>, compare: Compare, thousandths: i64) {
    match compare {
        Compare::More | Compare::AtLeast => {
            sql.push("o.total >= ").push_bind(thousandths / 1000);
        }
        Compare::Less | Compare::AtMost => {
            sql.push("o.total <= ").push_bind(thousandths * 10);
        }
        Compare::Equal => {
            sql.push("o.total between ")
                .push_bind(thousandths / 1000)
                .push(" and ")
                .push_bind(thousandths * 10);
        }
    }
    sql.push(format_args!(
        " and o.total * 1000 {} currency_units(o.currency) * ",
        compare.sign()
    ))
    .push_bind(thousandths);
}

/// A word in open work: part of the number, a name, a SKU or a tracking code, whatever its case.
fn push_word(sql: &mut QueryBuilder<Postgres>, kind: Kind, word: &str) {
    if kind == Kind::Stock {
        sql.push("s.product_id in (select id from products where lower(sku) like lower(")
            .push_bind(like(word))
            .push(") or lower(title) like lower(")
            .push_bind(like(word))
            .push(
                ")) or s.product_id in (
                    select offer.product_id from suppliers maker
                    join supplier_offers offer on offer.supplier_id = maker.id
                    where maker.name ilike ",
            )
            .push_bind(like(word))
            .push(")");
        return;
    }
    push_found(sql, kind, &like(word));
}

/// Among the words of open work, one like the pattern. The sum keeps the planner from walking
/// through the whole table by its key: what is found lies among open work, which has indexes.
fn push_found(sql: &mut QueryBuilder<Postgres>, kind: Kind, pattern: &str) {
    sql.push("exists (select from open_words found where found.kind = ")
        .push_bind(kind.as_str())
        .push(format_args!(" and found.id = {}.id + 0", alias(kind)))
        .push(" and found.words like lower(")
        .push_bind(pattern.to_owned())
        .push("))");
}

/// A word in all of history: the whole number, mail address, SKU or tracking code, each of which
/// an index finds.
fn push_exact(sql: &mut QueryBuilder<Postgres>, kind: Kind, word: &str) {
    let number = format!("#{}", word.trim_start_matches('#'));
    let id = word
        .rsplit('-')
        .next()
        .and_then(|digits| digits.parse::<i64>().ok())
        .unwrap_or(-1);
    match kind {
        Kind::Order => {
            sql.push("o.id = any (array(select id from orders where number in (")
                .push_bind(word.to_owned());
            sql.push(", ").push_bind(number);
            sql.push(") union all select order_id from shipments where tracking_code = ");
            sql.push_bind(word.to_owned());
            sql.push(" union all select n.id from customers c join orders n on n.customer_id = c.id where lower(c.email) = lower(");
            sql.push_bind(word.to_owned()).push(")))");
        }
        Kind::Stock => push_word(sql, kind, word),
        Kind::Shipment => {
            sql.push("p.id = any (array(select id from shipments where tracking_code = ");
            sql.push_bind(word.to_owned());
            sql.push(" union all select s.id from orders n join shipments s on s.order_id = n.id where n.number = ");
            sql.push_bind(number)
                .push(" union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
        Kind::Inspection => {
            sql.push("i.id = any (array(select s.id from orders n join inspections s on s.order_id = n.id where n.number = ");
            sql.push_bind(number)
                .push(" union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
        Kind::Ticket => {
            sql.push("t.id = any (array(select s.id from orders n join tickets s on s.order_id = n.id where n.number = ");
            sql.push_bind(number);
            sql.push(" union all select id from tickets where lower(email) = lower(");
            sql.push_bind(word.to_owned());
            sql.push(") union all select ")
                .push_bind(id)
                .push("::bigint))");
        }
    }
}

/// A pattern that finds the text anywhere, its own wildcards taken as plain characters.
fn like(text: &str) -> String {
    format!(
        "%{}%",
        text.replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    )
}

/// A pattern that finds what begins with the text.
fn beginning(text: &str) -> String {
    like(text)[1..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_plain_characters() {
        assert_eq!(like("50%_a\\b"), "%50\\%\\_a\\\\b%");
        assert_eq!(beginning("50%"), "50\\%%");
    }
}
