//! Cron expressions: five fields (minute, hour, day of month, month, day of week), as sets of numbers.

/// The longest expression, in bytes.
const MAX_CRON: usize = 200;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Names for common expressions.
const NAMED: [(&str, &str); 6] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

/// A parsed expression. Bit `n` of a field says that `n` is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cron {
    pub(super) minutes: u64,
    pub(super) hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both days are restricted: one of them is enough, as in every cron.
    either_day: bool,
    /// The hour begins with `*`: it runs by the clock that passes, not once per time of day.
    pub(super) every_hour: bool,
}

/// One field: its name, its range, its names for numbers.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    // 7 is a Sunday, too
    Field { name: "day of week", least: 0, most: 7, names: &DAYS },
];

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_CRON {
            return Err(format!("a schedule has at most {MAX_CRON} bytes, got {}", text.len()));
        }
        let text = text.trim();
        let text = match NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, meaning)) => meaning,
            None if text.starts_with('@') => {
                let names: Vec<_> = NAMED.iter().map(|(name, _)| *name).collect();
                return Err(format!("unknown name {text:?}; there are {}", names.join(", ")));
            }
            None => text,
        };
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(format!(
                "expected five fields (minute, hour, day of month, month, day of week) such as \"0 9 * * MON-FRI\", \
                 got {}",
                parts.len()
            ));
        };
        let mut weekdays = FIELDS[4].parse(weekday)?;
        if weekdays & (1 << 7) != 0 {
            weekdays = (weekdays | 1) & !(1 << 7);
        }
        let cron = Self {
            minutes: FIELDS[0].parse(minute)?,
            hours: FIELDS[1].parse(hour)?,
            days: FIELDS[2].parse(day)?,
            months: FIELDS[3].parse(month)?,
            weekdays,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            every_hour: hour.starts_with('*'),
        };
        if cron.never() { Err("this day never comes: no such month has it".to_owned()) } else { Ok(cron) }
    }

    /// Whether it runs on a day; `weekday` counts from Sunday, 0.
    pub(super) fn on(&self, day: i8, month: i8, weekday: i8) -> bool {
        let has = |set: u64, number: i8| u32::try_from(number).is_ok_and(|number| set >> number & 1 == 1);
        let (by_day, by_weekday) = (has(self.days, day), has(self.weekdays, weekday));
        has(self.months, month) && if self.either_day { by_day || by_weekday } else { by_day && by_weekday }
    }

    /// No month of it has one of its days. With a day of week beside it, that one comes every week.
    fn never(&self) -> bool {
        let longest = |month: u32| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let comes = |month: u32| self.days & ((1u64 << (longest(month) + 1)) - 1) != 0;
        !self.either_day && !(1..=12).any(|month| self.months >> month & 1 == 1 && comes(month))
    }
}

impl Field {
    fn parse(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part)?;
        }
        Ok(set)
    }

    /// `*`, `5`, `1-5`, each with `/step`.
    fn part(&self, text: &str) -> Result<u64, String> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            // `5/15` goes on to the end
            None if step.is_some() => (self.number(range)?, self.most),
            None => (self.number(range)?, self.number(range)?),
        };
        // `FRI-SUN`: the Sunday at the end of a week
        let last = if last == 0 && first > 0 && self.most == 7 { 7 } else { last };
        if first > last {
            return Err(format!("{}: the range {range} goes backwards", self.name));
        }
        let step = match step {
            None => 1,
            Some(step) => step
                .parse::<u8>()
                .ok()
                .filter(|step| (1..=self.most).contains(step))
                .ok_or_else(|| format!("{}: expected a step from 1 to {}, got {step:?}", self.name, self.most))?,
        };
        Ok((first..=last).step_by(step.into()).fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str) -> Result<u8, String> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.least + u8::try_from(at).unwrap_or(0));
        }
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u8>().ok().filter(|number| plain && (self.least..=self.most).contains(number));
        let names = if self.names.is_empty() { String::new() } else { format!(", or {}", self.names.join(", ")) };
        number.ok_or_else(|| {
            format!("{}: expected a number from {} to {}{names}, got {text:?}", self.name, self.least, self.most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(numbers: &[u8]) -> u64 {
        numbers.iter().fold(0, |set, number| set | 1 << number)
    }

    #[test]
    fn fields_are_sets() {
        let cron = Cron::parse("*/20 9-17/4 1,15 jan-MAR FRI-SUN").unwrap();
        assert_eq!(cron.minutes, bits(&[0, 20, 40]));
        assert_eq!(cron.hours, bits(&[9, 13, 17]));
        assert_eq!((cron.days, cron.months), (bits(&[1, 15]), bits(&[1, 2, 3])));
        assert_eq!(cron.weekdays, bits(&[0, 5, 6]));
        assert!(cron.either_day && !cron.every_hour);
        assert_eq!(Cron::parse("50/5 * * * *").unwrap().minutes, bits(&[50, 55]));
        assert_eq!(Cron::parse("@Daily"), Cron::parse("0 0 * * *"));
        assert_eq!(Cron::parse("0 0 * * 7").unwrap().weekdays, 1);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("", "five fields"),
            ("* * * *", "five fields"),
            ("* * * * * *", "five fields"),
            ("60 * * * *", "minute: expected a number from 0 to 59"),
            ("-1 * * * *", "minute"),
            ("+1 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * * FOO *", "JAN"),
            ("* * * * 8", "day of week"),
            ("*/0 * * * *", "a step from 1"),
            ("5-1 * * * *", "goes backwards"),
            ("1,,2 * * * *", "minute"),
            ("0 0 30 2 *", "never comes"),
            ("0 0 31 4,6,9,11 *", "never comes"),
            ("@often", "@hourly"),
        ] {
            let message = Cron::parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(Cron::parse(&"1,".repeat(200)).is_err());
        assert!(Cron::parse("0 0 30 2 MON").is_ok(), "Mondays of February");
    }
}
