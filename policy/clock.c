/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and durations as text: RFC 3339, proleptic Gregorian calendar.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define MINUTE_S INT64_C(60)
#define HOUR_S   (60 * MINUTE_S)
#define DAY_S    (24 * HOUR_S)

#define DAYS_TO_1970   719528  /* days from 0000-01-01 */
#define DAYS_TO_10000  3652425 /* the same of 10000-01-01 */
#define DAYS_OF_400    146097  /* the calendar repeats */
#define TIME_MIN       (-DAYS_TO_1970 * DAY_S)
#define TIME_MAX       ((DAYS_TO_10000 - DAYS_TO_1970) * DAY_S - 1)
#define DURATION_MAX_S (36525 * DAY_S) /* a hundred years */

/* Digits that hold any time or duration in range without overflow. */
#define DIGITS_MAX 15

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_of_year(int year)
{
	return is_leap(year) ? 366 : 365;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 0000-01-01 to the first day of a year. */
static int64_t
days_to_year(int year)
{
	/* Leap years before `year`; the year 0 is one. */
	int leaps = (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;

	return INT64_C(365) * year + leaps;
}

/* Exactly n digits at *p, which moves behind them. */
static bool
read_digits(const char **p, int n, int *out)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		char c = (*p)[i];

		if (c < '0' || c > '9')
			return false;
		value = 10 * value + (c - '0');
	}
	*p += n;
	*out = value;
	return true;
}

static bool
read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* "2026-11-20" as days since 1970. */
static bool
read_date(const char **p, int64_t *days)
{
	int year, month, day;

	if (!read_digits(p, 4, &year) || !read_char(p, '-') ||
	    !read_digits(p, 2, &month) || !read_char(p, '-') ||
	    !read_digits(p, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month))
		return false;
	*days = days_to_year(year) - DAYS_TO_1970 + day - 1;
	for (int m = 1; m < month; m++)
		*days += days_of_month(year, m);
	return true;
}

/* "12:00:00" with a fraction or without, as seconds of the day. */
static bool
read_time(const char **p, int64_t *seconds, bool *leap)
{
	int hour, minute, second, digit;

	if (!read_digits(p, 2, &hour) || !read_char(p, ':') ||
	    !read_digits(p, 2, &minute) || !read_char(p, ':') ||
	    !read_digits(p, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (read_char(p, '.')) {
		if (!read_digits(p, 1, &digit))
			return false;
		while (read_digits(p, 1, &digit))
			continue;
	}
	*leap = second == 60;
	*seconds = hour * HOUR_S + minute * MINUTE_S + second - *leap;
	return true;
}

/* "Z" or "+01:00", as seconds east. */
static bool
read_offset(const char **p, int64_t *seconds)
{
	int hour, minute;
	int sign = **p == '-' ? -1 : 1;

	*seconds = 0;
	if (read_char(p, 'Z') || read_char(p, 'z'))
		return true;
	if (!read_char(p, '+') && !read_char(p, '-'))
		return false;
	if (!read_digits(p, 2, &hour) || !read_char(p, ':') ||
	    !read_digits(p, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*seconds = sign * (hour * HOUR_S + minute * MINUTE_S);
	return true;
}

static bool
read_rfc3339(const char *p, int64_t *when)
{
	int64_t days, seconds, offset;
	bool leap;

	if (!read_date(&p, &days) ||
	    (!read_char(&p, 'T') && !read_char(&p, 't')))
		return false;
	if (!read_time(&p, &seconds, &leap) || !read_offset(&p, &offset) ||
	    *p != '\0')
		return false;
	*when = days * DAY_S + seconds - offset;
	/* Leap seconds end a day in UTC. */
	return !leap || (*when - TIME_MIN) % DAY_S == DAY_S - 1;
}

/* A whole number of up to DIGITS_MAX digits. */
static bool
read_number(const char **p, int64_t *out)
{
	size_t n = strspn(*p, "0123456789");
	int64_t value = 0;

	if (n == 0 || n > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		value = 10 * value + ((*p)[i] - '0');
	*p += n;
	*out = value;
	return true;
}

static bool
read_unix(const char *p, int64_t *when)
{
	bool negative = read_char(&p, '-');

	if (!read_number(&p, when) || *p != '\0')
		return false;
	if (negative)
		*when = -*when;
	return true;
}

enum trust_err
trust_clock_parse(const char *text, int64_t *when)
{
	int64_t t;

	*when = 0;
	if (!read_rfc3339(text, &t) && !read_unix(text, &t))
		return TRUST_ERR_INPUT;
	if (t < TIME_MIN || t > TIME_MAX)
		return TRUST_ERR_INPUT;
	*when = t;
	return TRUST_OK;
}

/* Exactly n digits and a character at p. Returns what is behind them. */
static char *
write_digits(char *p, int n, int value, char end)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
	p[n] = end;
	return p + n + 1;
}

const char *
trust_clock_format(int64_t when, char out[TRUST_CLOCK_TEXT])
{
	int64_t days;
	int second, year, month = 1;
	char *p;

	if (when > TIME_MAX) {
		snprintf(out, TRUST_CLOCK_TEXT, "never");
		return out;
	}
	if (when < TIME_MIN)
		when = TIME_MIN;
	days = (when - TIME_MIN) / DAY_S;
	second = (int)((when - TIME_MIN) % DAY_S);
	year = (int)(days * 400 / DAYS_OF_400);
	/* The mean year may be a day off at either end. */
	if (days < days_to_year(year))
		year--;
	else if (days >= days_to_year(year) + days_of_year(year))
		year++;
	days -= days_to_year(year);
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	p = write_digits(out, 4, year, '-');
	p = write_digits(p, 2, month, '-');
	p = write_digits(p, 2, (int)days + 1, 'T');
	p = write_digits(p, 2, second / 3600, ':');
	p = write_digits(p, 2, second / 60 % 60, ':');
	p = write_digits(p, 2, second % 60, 'Z');
	*p = '\0';
	return out;
}

enum trust_err
trust_duration_parse(const char *text, int64_t *seconds)
{
	int64_t unit;
	int64_t n;

	*seconds = 0;
	if (!read_number(&text, &n))
		return TRUST_ERR_INPUT;
	switch (*text) {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = MINUTE_S;
		break;
	case 'h':
		unit = HOUR_S;
		break;
	case 'd':
		unit = DAY_S;
		break;
	default:
		return TRUST_ERR_INPUT;
	}
	if (text[1] != '\0' || n > DURATION_MAX_S / unit)
		return TRUST_ERR_INPUT;
	*seconds = n * unit;
	return TRUST_OK;
}

const char *
trust_duration_format(int64_t seconds, char out[TRUST_CLOCK_TEXT])
{
	static const struct {
		int64_t unit;
		const char *name;
	} units[] = {{DAY_S, "day"}, {HOUR_S, "hour"}, {MINUTE_S, "minute"},
	    {1, "second"}};
	size_t i = 0;
	int64_t n;

	if (seconds < 0)
		seconds = 0;
	if (seconds > TIME_MAX)
		seconds = TIME_MAX;
	while (units[i].unit > 1 && seconds < units[i].unit)
		i++;
	n = seconds / units[i].unit;
	snprintf(out, TRUST_CLOCK_TEXT, "%lld %s%s", (long long)n,
	    units[i].name, n == 1 ? "" : "s");
	return out;
}
