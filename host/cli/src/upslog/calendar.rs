//! strftime(3) for log lines, in the C locale, which is the one NUT's programs run in.
//!
//! The zone is TZ's or the machine's, read by `tz-rs`: libc's own conversion reads the environment behind Rust's back.
//! An unknown conversion stays as it is written. Standard: POSIX.1-2024 strftime, with glibc's `%k %l %P %s`.

use tz::{DateTime, TimeZone};

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
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
/// Days of the week.
const WEEK: i32 = 7;

/// The zone that TZ names, else that of the machine; UTC if there is none, or none of that name.
pub(super) fn local_zone() -> TimeZone {
    let zone = match std::env::var("TZ") {
        Ok(name) => TimeZone::from_posix_tz(&name),
        Err(_) => TimeZone::local(),
    };
    zone.unwrap_or_else(|_| TimeZone::utc())
}

/// `format` filled in for `seconds` since 1970; empty for times no calendar has.
pub(super) fn strftime(format: &str, seconds: i64, zone: &TimeZone) -> String {
    match DateTime::from_timespec(seconds, 0, zone.as_ref()) {
        Ok(time) => fill(format, &time),
        Err(_) => String::new(),
    }
}

fn fill(format: &str, time: &DateTime) -> String {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut conversion = rest.next();
        // Alternative forms are those of other locales; in the C locale they are the same.
        if matches!(conversion, Some('E' | 'O')) {
            conversion = rest.next();
        }
        match conversion {
            Some(letter) => text.push_str(&convert(letter, time)),
            None => text.push('%'),
        }
    }
    text
}

fn convert(letter: char, time: &DateTime) -> String {
    let year = time.year();
    match letter {
        'a' => short(day_name(time)),
        'A' => day_name(time).to_owned(),
        'b' | 'h' => short(month_name(time)),
        'B' => month_name(time).to_owned(),
        'c' => fill("%a %b %e %H:%M:%S %Y", time),
        'C' => format!("{:02}", year.div_euclid(100)),
        'd' => format!("{:02}", time.month_day()),
        'D' | 'x' => fill("%m/%d/%y", time),
        'e' => format!("{:2}", time.month_day()),
        'F' => fill("%Y-%m-%d", time),
        'g' => format!("{:02}", iso_week(time).0.rem_euclid(100)),
        'G' => iso_week(time).0.to_string(),
        'H' => format!("{:02}", time.hour()),
        'I' => format!("{:02}", hour_of_12(time)),
        'j' => format!("{:03}", time.year_day() + 1),
        'k' => format!("{:2}", time.hour()),
        'l' => format!("{:2}", hour_of_12(time)),
        'm' => format!("{:02}", time.month()),
        'M' => format!("{:02}", time.minute()),
        'n' => "\n".to_owned(),
        'p' => half(time).to_owned(),
        'P' => half(time).to_lowercase(),
        'r' => fill("%I:%M:%S %p", time),
        'R' => fill("%H:%M", time),
        's' => time.unix_time().to_string(),
        'S' => format!("{:02}", time.second()),
        't' => "\t".to_owned(),
        'T' | 'X' => fill("%H:%M:%S", time),
        'u' => weekday_from_monday(time).wrapping_add(1).to_string(),
        'U' => format!("{:02}", week_of_year(time, i32::from(time.week_day()))),
        'V' => format!("{:02}", iso_week(time).1),
        'w' => time.week_day().to_string(),
        'W' => format!("{:02}", week_of_year(time, weekday_from_monday(time))),
        'y' => format!("{:02}", year.rem_euclid(100)),
        'Y' => year.to_string(),
        'z' => offset(time.local_time_type().ut_offset()),
        'Z' => match time.local_time_type().time_zone_designation() {
            "" => "UTC".to_owned(),
            name => name.to_owned(),
        },
        '%' => "%".to_owned(),
        other => format!("%{other}"),
    }
}

fn day_name(time: &DateTime) -> &'static str {
    DAYS.get(usize::from(time.week_day()))
        .copied()
        .unwrap_or("?")
}

fn month_name(time: &DateTime) -> &'static str {
    let number = usize::from(time.month()).wrapping_sub(1);
    MONTHS.get(number).copied().unwrap_or("?")
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn half(time: &DateTime) -> &'static str {
    if time.hour() < 12 { "AM" } else { "PM" }
}

fn hour_of_12(time: &DateTime) -> u8 {
    match time.hour() % 12 {
        0 => 12,
        hour => hour,
    }
}

/// Monday is 0.
fn weekday_from_monday(time: &DateTime) -> i32 {
    (i32::from(time.week_day()) + WEEK - 1) % WEEK
}

/// Weeks begun in this year; `weekday` counts from the day that begins a week.
fn week_of_year(time: &DateTime, weekday: i32) -> i32 {
    (i32::from(time.year_day()) + WEEK - weekday) / WEEK
}

/// Year and week of ISO 8601: a week belongs to the year its Thursday is in.
fn iso_week(time: &DateTime) -> (i32, i32) {
    let thursday = i32::from(time.year_day()) - weekday_from_monday(time) + 3;
    let year = time.year();
    if thursday < 0 {
        (year - 1, (thursday + days_in(year - 1)) / WEEK + 1)
    } else if thursday >= days_in(year) {
        (year + 1, 1)
    } else {
        (year, thursday / WEEK + 1)
    }
}

fn days_in(year: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    365 + i32::from(leap)
}

/// Seconds east of Greenwich as `+hhmm`.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 2026-11-23 03:50:53 UTC, a Monday.
    const NOW: i64 = 1_795_405_853;

    #[test]
    fn every_conversion_says_what_date_says() {
        let zone = TimeZone::fixed(-3 * 3600 - 1800).unwrap();
        for (format, expected) in [
            ("%Y%m%d %H%M%S", "20261123 002053"),
            ("%a %A %b %B %h", "Mon Monday Nov November Nov"),
            ("%c", "Mon Nov 23 00:20:53 2026"),
            ("%C %d %e %j %u %w", "20 23 23 327 1 1"),
            ("%D %x %F", "11/23/26 11/23/26 2026-11-23"),
            ("%I %k %l %p %P", "12  0 12 AM am"),
            ("%r %R %T %X", "12:20:53 AM 00:20 00:20:53 00:20:53"),
            ("%g %G %V %U %W", "26 2026 48 47 47"),
            ("%s %z %y %%%n%t", "1795405853 -0330 26 %\n\t"),
            ("%Ey %Od %Q %", "26 23 %Q %"),
        ] {
            assert_eq!(strftime(format, NOW, &zone), expected, "{format}");
        }
        assert_eq!(strftime("%H %Z", NOW, &TimeZone::utc()), "03 UTC");
    }

    /// Values of GNU date for the days around New Year.
    #[test]
    fn weeks_turn_with_their_thursday() {
        const DAY: i64 = 86_400;
        for (days, expected) in [
            (16_435, "2014-12-31 2015-01 52 52"),
            (16_801, "2016-01-01 2015-53 00 00"),
            (16_804, "2016-01-04 2016-01 01 01"),
            (18_262, "2020-01-01 2020-01 00 00"),
            (18_628, "2021-01-01 2020-53 00 00"),
            (18_630, "2021-01-03 2020-53 01 00"),
        ] {
            let text = strftime("%F %G-%V %U %W", days * DAY, &TimeZone::utc());
            assert_eq!(text, expected);
        }
    }
}
