//! Importing suppliers' answers: each run of lines of one purchase order is an answer, written whole
//! or not at all.

use std::io::Read;
use std::iter::Peekable;

use sqlx::postgres::PgConnection;

use super::super::purchases::{Answer, answered};
use super::{Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::Acceptance;
use crate::intake::acceptances::Acceptances;
use crate::intake::{Fault, Rejection};
use crate::store::db::{DbError, Raised};
use crate::store::purchases::{self, Asked};

/// Imports a supplier's answers; see [`crate::intake::acceptances`] for the columns. Counts lines.
///
/// What is accepted goes on, what is rejected is routed again; a supplier that accepts fewer units
/// than it was asked for keeps those, and the others are routed again. Units that it has sent count
/// among those that it accepts, and stay sent where it sends no more.
pub async fn import(run: Run<'_>, source: impl Read + Send, file: &str) -> Result<Summary, Failed> {
    let answers = match Acceptances::open(source, file) {
        Ok(lines) => Answers {
            lines: lines.peekable(),
        },
        Err(fault) => return super::unopened(fault),
    };
    let importer = SuppliersAnswers {
        file: file.to_owned(),
    };
    super::run(run, importer, answers).await
}

/// Lines that follow one another and are of one purchase order.
struct Answers<I: Iterator> {
    lines: Peekable<I>,
}

impl<I: Iterator<Item = Result<Acceptance, Fault>>> Iterator for Answers<I> {
    type Item = Result<Vec<Acceptance>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = match self.lines.next()? {
            Ok(first) => first,
            Err(fault) => return Some(Err(fault)),
        };
        let number = first.purchase_order;
        let mut answer = vec![first];
        let same = |next: &Result<Acceptance, Fault>| {
            next.as_ref()
                .is_ok_and(|next| next.purchase_order == number)
        };
        while let Some(Ok(next)) = self.lines.next_if(same) {
            answer.push(next);
        }
        Some(Ok(answer))
    }
}

struct SuppliersAnswers {
    file: String,
}

impl Import for SuppliersAnswers {
    type Value = Vec<Acceptance>;

    const BATCH: usize = 20;

    async fn write(
        &self,
        connection: &mut PgConnection,
        answers: &[Vec<Acceptance>],
    ) -> Result<Vec<Verdict>, DbError> {
        let mut verdicts = Vec::with_capacity(answers.len());
        for answer in answers {
            let number = answer[0].purchase_order;
            let verdict = match purchases::lock(connection, number).await? {
                None => Err("there is no such purchase order".to_owned()),
                Some(asked) => match judge(&asked, answer) {
                    Ok(judged) => Ok(write(connection, &asked, &judged).await?),
                    Err(reason) => Err(reason),
                },
            };
            verdicts.push(
                verdict.unwrap_or_else(|reason| Verdict::Rejected(self.refused(answer, &reason))),
            );
        }
        Ok(verdicts)
    }

    fn lines(&self, answer: &Vec<Acceptance>) -> u64 {
        answer.len() as u64
    }

    fn line(&self, answer: &Vec<Acceptance>) -> u64 {
        answer.first().map_or(0, |line| line.line)
    }

    fn file<'v>(&'v self, _: &'v Vec<Acceptance>) -> &'v str {
        &self.file
    }

    fn refused(&self, answer: &Vec<Acceptance>, reason: &str) -> Vec<Rejection> {
        answer
            .iter()
            .map(|line| {
                let number = format!("PO-{}", line.purchase_order);
                Rejection::new(&self.file, line.line, "Purchase order", &number, reason)
            })
            .collect()
    }

    /// A later answer to the same purchase order must see the earlier one; and orders are locked
    /// one a transaction, in the order of the file.
    fn apart(&self, _: &[Vec<Acceptance>], _: &Vec<Acceptance>) -> bool {
        true
    }
}

fn judge(asked: &Asked, answer: &[Acceptance]) -> Result<Answer, String> {
    let is_over = asked.lines.iter().all(|line| line.open == 0);
    let mut kept = Vec::with_capacity(asked.lines.len());
    for line in &asked.lines {
        let said = match answer.iter().find(|said| said.sku == line.sku) {
            Some(said) => said.accepted.of(line.units()),
            // What was turned down before need not be again.
            None if line.units() == 0 => 0,
            None => return Err(format!("expected a line for {}", line.sku)),
        };
        if said > 0 && line.units() == 0 {
            return Err(format!(
                "{} was turned down: nothing of it is asked for any more",
                line.sku
            ));
        }
        if said > line.units() {
            return Err(format!(
                "{said} of {} are accepted, {} were asked for",
                line.sku,
                line.units()
            ));
        }
        if is_over && said == 0 && line.sent > 0 {
            return Err(format!("all {} of {} have been sent", line.sent, line.sku));
        }
        // `no` says it of what is left.
        if (1..line.sent).contains(&said) {
            return Err(format!(
                "{said} of {} are accepted, {} were sent",
                line.sku, line.sent
            ));
        }
        kept.push((line.product_id, (said - line.sent).max(0), line.open));
    }
    if let Some(foreign) = answer
        .iter()
        .find(|said| asked.lines.iter().all(|line| line.sku != said.sku))
    {
        return Err(format!("it does not ask for {}", foreign.sku));
    }
    Ok(if kept.iter().all(|(_, units, open)| units == open) {
        Answer::Accepted
    } else if kept.iter().all(|(_, units, _)| *units == 0) {
        Answer::Rejected("rejected by the supplier".to_owned())
    } else {
        let part = kept.into_iter().filter(|(_, units, _)| *units > 0);
        Answer::Short(part.map(|(product, units, _)| (product, units)).collect())
    })
}

async fn write(
    connection: &mut PgConnection,
    asked: &Asked,
    answer: &Answer,
) -> Result<Verdict, DbError> {
    let changes = match asked.state.as_str() {
        "sent" => true,
        "accepted" => *answer != Answer::Accepted,
        _ => false,
    };
    if changes {
        answered(connection, asked, answer).await?;
        return Ok(Verdict::Updated);
    }
    let known = match answer {
        Answer::Accepted => matches!(asked.state.as_str(), "accepted" | "received"),
        Answer::Rejected(_) | Answer::Short(_) => asked.state == "rejected",
    };
    if known {
        return Ok(Verdict::Unchanged);
    }
    Err(DbError::Raised(Box::new(Raised {
        code: "P0001".to_owned(),
        message: format!("it is {} already", asked.state),
        detail: None,
        hint: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incoming::Accepted;
    use crate::store::purchases::AskedLine;

    fn asked() -> Asked {
        let line = |product_id, sku: &str, open| AskedLine {
            product_id,
            sku: sku.to_owned(),
            sent: 0,
            open,
        };
        Asked {
            id: 7,
            number: 7,
            state: "sent".to_owned(),
            supplier_id: 1,
            currency: "EUR".to_owned(),
            fulfilment_id: Some(3),
            answered_at: None,
            lines: vec![line(1, "CUP", 2), line(2, "POT", 1)],
        }
    }

    fn said(lines: &[(&str, i32)]) -> Vec<Acceptance> {
        let line = |(sku, units): &(&str, i32)| Acceptance {
            line: 2,
            purchase_order: 7,
            sku: (*sku).to_owned(),
            accepted: Accepted::Units(*units),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn an_answer_is_yes_no_or_in_part() {
        let judge = |lines| judge(&asked(), &said(lines));
        assert_eq!(judge(&[("CUP", 2), ("POT", 1)]), Ok(Answer::Accepted));
        let rejected = Answer::Rejected("rejected by the supplier".to_owned());
        assert_eq!(judge(&[("POT", 0), ("CUP", 0)]), Ok(rejected));
        assert_eq!(
            judge(&[("CUP", 1), ("POT", 0)]),
            Ok(Answer::Short(vec![(1, 1)]))
        );
        let mut whole = said(&[("CUP", 0), ("POT", 0)]);
        for line in &mut whole {
            line.accepted = Accepted::All;
        }
        assert_eq!(super::judge(&asked(), &whole), Ok(Answer::Accepted));
        for wrong in [
            &[("CUP", 2)][..],
            &[("CUP", 3), ("POT", 1)],
            &[("CUP", 2), ("POT", 1), ("PAN", 1)],
        ] {
            assert!(judge(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_was_sent_counts_among_what_is_accepted() {
        let mut begun = asked();
        (begun.lines[0].sent, begun.lines[0].open) = (2, 1);
        let judge = |lines| super::judge(&begun, &said(lines));
        assert_eq!(judge(&[("CUP", 3), ("POT", 1)]), Ok(Answer::Accepted));
        let none = Answer::Rejected("rejected by the supplier".to_owned());
        for no_more in [&[("CUP", 2), ("POT", 0)], &[("CUP", 0), ("POT", 0)]] {
            assert_eq!(judge(no_more), Ok(none.clone()));
        }
        let part = Answer::Short(vec![(1, 1)]);
        assert_eq!(judge(&[("CUP", 3), ("POT", 0)]), Ok(part));
        for wrong in [&[("CUP", 1), ("POT", 0)], &[("CUP", 4), ("POT", 1)]] {
            assert!(judge(wrong).is_err(), "{wrong:?}");
        }
        for line in &mut begun.lines {
            line.open = 0;
        }
        let judge = |lines| super::judge(&begun, &said(lines));
        let over = "all 2 of CUP have been sent".to_owned();
        assert_eq!(judge(&[("CUP", 0), ("POT", 0)]), Err(over));
        assert_eq!(judge(&[("CUP", 2), ("POT", 0)]), Ok(Answer::Accepted));
    }
}
