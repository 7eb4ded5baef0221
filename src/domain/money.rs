//! Money: an integer in minor units with its ISO 4217 currency. No floating point anywhere.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// A currency of ISO 4217 that has a minor unit. Metals, funds' test codes and the like (`XAU`,
/// `XXX`) are not money in which an order can be paid, so they are no [`Currency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    iso: iso_currency::Currency,
    exponent: u32,
}

impl Currency {
    /// The currency of a three-letter code in capitals, `None` where ISO 4217 knows no such money.
    pub fn from_code(code: &str) -> Option<Self> {
        let iso = iso_currency::Currency::from_code(code)?;
        let exponent = u32::from(iso.exponent()?);
        Some(Self { iso, exponent })
    }

    /// The three-letter code, for example `JPY`.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals the minor unit stands for: 2 for `EUR`, 0 for `JPY`, 3 for `KWD`.
    pub fn exponent(self) -> u32 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// Why a text is no amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not `[-]digits[.digits]`: empty, a separator of thousands, an exponent, a currency sign.
    #[error("expected a plain decimal such as 12.50")]
    NotDecimal,
    /// A decimal that the currency cannot hold, other than zero.
    #[error("expected at most {} decimals in {currency}", currency.exponent())]
    TooPrecise {
        /// The currency that has fewer decimals.
        currency: Currency,
    },
    /// More than 64 bits of minor units.
    #[error("expected an amount below 92 quadrillion minor units")]
    TooLarge,
}

/// An amount in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Money {
    /// Minor units: cents, pence, fils; whole yen.
    pub minor: i64,
    /// The currency whose minor units they are.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an exact decimal such as `-12.5`. Zeros beyond the currency's decimals are fine
    /// (`100.00` yen), other digits there are not (`100.50` yen).
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(AmountError::NotDecimal),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::NotDecimal);
        }
        let decimals = currency.exponent() as usize;
        let (kept, beyond) = fraction.split_at(fraction.len().min(decimals));
        if beyond.bytes().any(|byte| byte != b'0') {
            return Err(AmountError::TooPrecise { currency });
        }
        let padding = std::iter::repeat_n(b'0', decimals - kept.len());
        let minor = whole
            .bytes()
            .chain(kept.bytes())
            .chain(padding)
            .try_fold(0_i64, |sum, digit| {
                sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
            })
            .ok_or(AmountError::TooLarge)?;
        Ok(Self::new(if negative { -minor } else { minor }, currency))
    }

    /// The amount as an exact decimal without the currency, for example `0.05`.
    pub fn decimal(self) -> String {
        let decimals = self.currency.exponent();
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        let scale = 10_u64.pow(decimals);
        match decimals as usize {
            0 => format!("{sign}{minor}"),
            width => format!("{sign}{}.{:0width$}", minor / scale, minor % scale),
        }
    }

    /// The sum; `None` where the currencies differ or 64 bits do not hold it.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self::new(
            self.minor.checked_add(other.minor)?,
            self.currency,
        ))
    }

    /// The difference; `None` where the currencies differ or 64 bits do not hold it.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self::new(
            self.minor.checked_sub(other.minor)?,
            self.currency,
        ))
    }

    /// The amount times a count of units; `None` where 64 bits do not hold it.
    pub fn checked_mul(self, units: i64) -> Option<Self> {
        Some(Self::new(self.minor.checked_mul(units)?, self.currency))
    }

    fn same(self, other: Self) -> Option<()> {
        (self.currency == other.currency).then_some(())
    }
}

/// The decimal and the code: `12.50 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// An amount in minor units of the currency with this ISO 4217 code, for people: `12.50 EUR`. A
/// code that is not known is shown with the bare number.
pub fn shown(minor: i64, code: &str) -> String {
    match Currency::from_code(code) {
        Some(currency) => format!("{} {code}", Money::new(minor, currency).decimal()),
        None => format!("{minor} {code}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    fn minor(text: &str, code: &str) -> Result<i64, AmountError> {
        Money::parse(text, currency(code)).map(|money| money.minor)
    }

    #[test]
    fn a_currency_has_the_decimals_of_iso_4217() {
        let decimals = ["EUR", "JPY", "KWD"].map(|code| currency(code).exponent());
        assert_eq!(decimals, [2, 0, 3]);
        assert_eq!(Currency::from_code("eur"), None);
        assert_eq!(Currency::from_code("XAU"), None);
        assert_eq!(Currency::from_code("EURO"), None);
    }

    #[test]
    fn decimals_are_read_exactly() {
        assert_eq!(minor("139.12", "GBP"), Ok(13_912));
        assert_eq!(minor("59.5", "BRL"), Ok(5_950));
        assert_eq!(minor("7", "EUR"), Ok(700));
        assert_eq!(minor("0.001", "KWD"), Ok(1));
        assert_eq!(minor("1200.00", "JPY"), Ok(1_200));
        assert_eq!(minor("-0.05", "USD"), Ok(-5));
        assert_eq!(minor("92233720368547758.07", "USD"), Ok(i64::MAX));
    }

    #[test]
    fn what_a_currency_cannot_hold_is_refused() {
        let yen = AmountError::TooPrecise {
            currency: currency("JPY"),
        };
        assert_eq!(minor("1200.50", "JPY"), Err(yen));
        assert_eq!(yen.to_string(), "expected at most 0 decimals in JPY");
        assert_eq!(
            minor("92233720368547758.08", "USD"),
            Err(AmountError::TooLarge)
        );
        for text in [
            "", "-", ".", "1.", ".5", "+1", "1,50", "1e3", "€1", " 1", "٣", "--1",
        ] {
            assert_eq!(minor(text, "EUR"), Err(AmountError::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn arithmetic_never_wraps_and_never_mixes_currencies() {
        let euros = |minor| Money::new(minor, currency("EUR"));
        assert_eq!(euros(150).checked_add(euros(50)), Some(euros(200)));
        assert_eq!(euros(150).checked_sub(euros(200)), Some(euros(-50)));
        assert_eq!(euros(i64::MAX).checked_add(euros(1)), None);
        assert_eq!(euros(i64::MAX).checked_mul(2), None);
        assert_eq!(euros(1).checked_add(Money::new(1, currency("USD"))), None);
        assert_eq!(euros(-5).to_string(), "-0.05 EUR");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in -i64::MAX..=i64::MAX, code in "EUR|JPY|KWD|CLF") {
            let money = Money::new(minor, currency(&code));
            prop_assert_eq!(Money::parse(&money.decimal(), money.currency), Ok(money));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,24}", code in "EUR|JPY|KWD") {
            let _ = Money::parse(&text, currency(&code));
        }
    }
}
