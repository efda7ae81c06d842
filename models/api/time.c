/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c - points in time as Kubernetes writes them.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go.
 * Simplified: years 0001 to 9999 of the proleptic Gregorian calendar, no leap seconds; what does
 *   not fit an int64 count of nanoseconds from the run's start (about 292 years) is malformed.
 * State: none.
 *
 * Days are counted from 0000-03-01, so that the leap day ends a year and every month's first day is
 * a linear expression; no libc time, no time zone data, no locale.
 */
#include "models/api/object.h"

enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468, SECONDS_PER_DAY = 86400 };

typedef struct {
    int64_t year;
    int month, day;
} Date;

static int64_t days_from_date(Date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = year / 400; /* years are never negative here */
    int64_t year_of_era = year - era * 400;
    int month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static Date date_from_days(int64_t days)
{
    days += DAYS_TO_1970;
    int64_t era = days / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (int)((5 * day_of_year + 2) / 153);
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (Date){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}

/* --- writing --- */

static char *put_digits(char *at, int64_t number, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + width;
}

/* Writes up to the seconds and returns the end; *ret_rest gets the nanoseconds beyond. */
static char *put_seconds(Nanos at, char *out, int64_t *ret_rest)
{
    int64_t seconds = at / NANOS_S;
    *ret_rest = at % NANOS_S;
    if (*ret_rest < 0) {
        *ret_rest += NANOS_S;
        seconds--;
    }
    seconds += WORLD_EPOCH_S;
    int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    Date date = date_from_days(days);
    out = put_digits(out, date.year, 4);
    *out++ = '-';
    out = put_digits(out, date.month, 2);
    *out++ = '-';
    out = put_digits(out, date.day, 2);
    *out++ = 'T';
    out = put_digits(out, rest / 3600, 2);
    *out++ = ':';
    out = put_digits(out, rest / 60 % 60, 2);
    *out++ = ':';
    return put_digits(out, rest % 60, 2);
}

const char *time_format(Nanos at, char buffer[TIME_TEXT_MAX])
{
    int64_t rest;
    char *end = put_seconds(at, buffer, &rest);
    *end++ = 'Z';
    *end = 0;
    return buffer;
}

const char *time_format_micro(Nanos at, char buffer[TIME_TEXT_MAX])
{
    int64_t rest;
    char *end = put_seconds(at, buffer, &rest);
    *end++ = '.';
    end = put_digits(end, rest / NANOS_US, 6);
    *end++ = 'Z';
    *end = 0;
    return buffer;
}

/* --- reading --- */

/* Reads exactly width digits and moves on; -1 if there are none. */
static int64_t get_digits(const char **text, int width)
{
    int64_t number = 0;
    for (int i = 0; i < width; i++, (*text)++) {
        if (!g_ascii_isdigit(**text)) return -1;
        number = number * 10 + (**text - '0');
    }
    return number;
}

static bool get_char(const char **text, char expected)
{
    if (**text != expected) return false;
    (*text)++;
    return true;
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool get_date(const char **text, int64_t *ret_days)
{
    Date date = {.year = get_digits(text, 4)};
    if (date.year < 1 || !get_char(text, '-')) return false;
    date.month = (int)get_digits(text, 2);
    if (date.month < 1 || date.month > 12 || !get_char(text, '-')) return false;
    date.day = (int)get_digits(text, 2);
    if (date.day < 1 || date.day > month_days(date.year, date.month)) return false;
    *ret_days = days_from_date(date);
    return true;
}

/* "hh:mm", in seconds; -1 if it is none. */
static int64_t get_hour_minute(const char **text)
{
    int64_t hour = get_digits(text, 2);
    if (hour < 0 || hour > 23 || !get_char(text, ':')) return -1;
    int64_t minute = get_digits(text, 2);
    return minute < 0 || minute > 59 ? -1 : hour * 3600 + minute * 60;
}

/* An optional fraction of a second; digits beyond nanoseconds are cut off. */
static bool get_fraction(const char **text, int64_t *ret_nanos)
{
    *ret_nanos = 0;
    if (!get_char(text, '.')) return true;
    if (!g_ascii_isdigit(**text)) return false;
    for (int64_t weight = NANOS_S / 10; g_ascii_isdigit(**text); (*text)++, weight /= 10)
        *ret_nanos += weight * (**text - '0');
    return true;
}

/* "Z" or "+hh:mm", in seconds east. */
static bool get_zone(const char **text, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (get_char(text, 'Z') || get_char(text, 'z')) return true;
    if (**text != '+' && **text != '-') return false;
    bool is_west = *(*text)++ == '-';
    int64_t seconds = get_hour_minute(text);
    *ret_seconds = is_west ? -seconds : seconds;
    return seconds >= 0;
}

bool time_parse(const char *text, Nanos *ret_at)
{
    int64_t days, fraction, zone;
    if (!get_date(&text, &days)) return false;
    if (!get_char(&text, 'T') && !get_char(&text, 't')) return false;
    int64_t of_day = get_hour_minute(&text);
    if (of_day < 0 || !get_char(&text, ':')) return false;
    int64_t second = get_digits(&text, 2);
    if (second < 0 || second > 59) return false;
    if (!get_fraction(&text, &fraction) || !get_zone(&text, &zone) || *text) return false;
    int64_t seconds = days * SECONDS_PER_DAY + of_day + second - zone - WORLD_EPOCH_S;
    Nanos at;
    if (__builtin_mul_overflow(seconds, NANOS_S, &at) ||
        __builtin_add_overflow(at, fraction, ret_at))
        return false;
    return *ret_at != NANOS_NEVER;
}

Nanos time_of(const Value *value, Nanos fallback)
{
    const char *text = value_as_text(value, NULL);
    Nanos at;
    return text && time_parse(text, &at) ? at : fallback;
}
