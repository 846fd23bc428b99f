"""The hours of a class: what `class_timetable` says, when machines stop themselves, what is left of the term.

A local time that does not exist, since clocks are put forward over it, is counted as if they had not been: 02:30 is
then 03:30. One that there is twice is the first of the two. Python (PEP 495, `fold=0`) and systemd agree about the
second; the first systemd passes over, which `calendar` makes up for.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.time_zones import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = 7  # days
MIDNIGHT = 24 * 60  # min
EXAMPLE = '{zone: Europe/Berlin, hours: ["Mon,Wed 08:00-18:00"], last_day: 2027-02-12}'
KEYS = ("zone", "hours", "last_day")
HOURS = re.compile(r"(?P<days>[^\d:]*?)\s*(?P<begin>\d{1,2}:\d\d)\s*-\s*(?P<end>\d{1,2}:\d\d)")
TIME = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)")
# For how long before the last day, and after it, times that do not exist are looked for. It depends on nothing but the
# timetable, so that a machine's timer changes only with it.
BEFORE, AFTER = timedelta(days=2 * 366), timedelta(days=366)
MOST_MISTAKES = 3
HEADLINE = "class_timetable (group_vars/all/class.yml) cannot be kept:"


class TimetableError(ValueError):
    """What is wrong with the setting, in five lines at most."""


class Span(NamedTuple):
    """Class hours within a day, in minutes since its midnight; `end` is 1440 at most."""

    begin: int
    end: int


class Left(NamedTuple):
    """What is left of a term: days on which there is class, and its hours."""

    days: int
    hours: float


@dataclass(frozen=True)
class Timetable:
    """The hours of a class: for each day of the week, from Monday on, its spans in order, of which no two touch."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    last_day: date

    def is_over(self, now: datetime) -> bool:
        """Say whether the last day has passed, in the class's zone. `now` has a time zone."""
        return now.astimezone(self.zone).date() > self.last_day

    def left(self, now: datetime) -> Left:
        """Count the days and hours of class from `now`, which has a time zone, to the end of the last day."""
        days, rest = 0, timedelta()
        day = now.astimezone(self.zone).date()
        while day <= self.last_day:
            today = timedelta()
            for begin, end in self.week[day.weekday()]:
                today += max(timedelta(), self._moment(day, end) - max(self._moment(day, begin), now.astimezone(UTC)))
            days, rest, day = days + bool(today), rest + today, day + timedelta(days=1)
        return Left(days, rest / timedelta(hours=1))

    def stops(self) -> list[tuple[int, int]]:
        """List the ends of class after which no more of it follows at once: day of the week and minute, in order."""
        return [
            (day, span.end)
            for day, spans in enumerate(self.week)
            for span in spans
            if span.end < MIDNIGHT or not any(next_.begin == 0 for next_ in self.week[(day + 1) % WEEK])
        ]

    def next_stop(self, after: datetime) -> datetime:
        """Return when machines stop first `after` a moment, which has a time zone; in UTC."""
        today = after.astimezone(self.zone).date()
        moments = (
            self._moment(today + timedelta(days=ahead), minute)
            for ahead in range(-1, WEEK + 2)
            for day, minute in self.stops()
            if day == (today + timedelta(days=ahead)).weekday()
        )
        return min(moment for moment in moments if moment > after)

    def calendar(self, earlier_min: int = 0) -> list[str]:
        """Write when machines stop, or so much earlier, as systemd's `OnCalendar=` takes it.

        That is weekly, in the zone. A day on which such a local time is not the moment that is meant, near a change of
        the clocks, has a line of its own.
        """
        weekly: dict[int, list[int]] = {}
        for day, minute in self.stops():
            at = (day * MIDNIGHT + minute - earlier_min) % (WEEK * MIDNIGHT)
            weekly.setdefault(at % MIDNIGHT, []).append(at // MIDNIGHT)
        lines = [
            f"{','.join(DAYS[day] for day in sorted(days))} *-*-* {_clock(minute)}:00 {self.zone.key}"
            for minute, days in sorted(weekly.items())
        ]
        return lines + [f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in self._odd_moments(earlier_min)]

    def words(self, days: Sequence[str] = DAYS) -> str:
        """Say when machines stop, with these names for the `days` from Monday on: `Mon, Wed 18:00 (Europe/Berlin)`."""
        at: dict[int, list[str]] = {}
        for day, minute in self.stops():
            at.setdefault(minute, []).append(days[day])
        return "; ".join(f"{', '.join(names)} {_clock(minute)}" for minute, names in at.items()) + f" ({self.zone.key})"

    def _moment(self, day: date, minute: int) -> datetime:
        """Return the moment, in UTC, of a local time; minute 1440 is the next day's midnight."""
        local = datetime.combine(day, time()) + timedelta(minutes=minute)
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def _odd_moments(self, earlier_min: int) -> Iterator[datetime]:
        """List the moments, in UTC, that the weekly lines of `calendar` do not mean."""
        earlier, stops = timedelta(minutes=earlier_min), self.stops()
        for date_ in self._dates_around_changes():
            for day, minute in stops:
                if day != date_.weekday():
                    continue
                moment = self._moment(date_, minute) - earlier
                local = moment.astimezone(self.zone)
                meant = datetime.combine(date_, time()) + timedelta(minutes=minute) - earlier
                if local.replace(tzinfo=None) != meant or local.fold:
                    yield moment

    def _dates_around_changes(self) -> list[date]:
        """List the dates in whose course, or in that of the next one, clocks change."""
        first = datetime.combine(self.last_day - BEFORE, time(hour=12), self.zone)
        noons = [first + timedelta(days=ahead) for ahead in range((BEFORE + AFTER).days)]
        changes = [pair for pair in pairwise(noons) if pair[0].utcoffset() != pair[1].utcoffset()]
        return sorted({noon.date() for pair in changes for noon in pair})


def read(setting: Any, known: Collection[str] | None = None) -> Timetable | None:
    """Read `class_timetable`; None where there is none. `known` are the time zones of this computer, if not all of it.

    Raise TimetableError with all mistakes.
    """
    if setting in ({}, None, ""):
        return None
    if not isinstance(setting, dict):
        raise TimetableError(f"{HEADLINE}\nIt is {setting!r} instead of, for example, {EXAMPLE}.")
    zones = available_timezones() if known is None else known
    mistakes = _key_mistakes(setting)
    mistakes += _zone_mistakes(setting["zone"], zones) if "zone" in setting else []
    week = _week(setting["hours"], mistakes) if "hours" in setting else ()
    last_day = _day(setting["last_day"], mistakes) if "last_day" in setting else None
    if mistakes or last_day is None:
        if len(mistakes) > MOST_MISTAKES:
            mistakes[MOST_MISTAKES:] = [f"and {len(mistakes) - MOST_MISTAKES} more"]
        raise TimetableError("\n".join([HEADLINE, *mistakes]))
    return Timetable(ZoneInfo(str(setting["zone"])), week, last_day)


def _key_mistakes(setting: Mapping[Any, Any]) -> list[str]:
    found = []
    for key in setting:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            found.append(f"It knows no {key}. {f'Do you mean {near[0]}?' if near else f'It has {_and(KEYS)}.'}")
    missing = [key for key in KEYS if key not in setting]
    if missing:
        found.append(f"It lacks {_and(missing)}. An example: {EXAMPLE}")
    return found


def _zone_mistakes(zone: Any, known: Collection[str]) -> list[str]:
    if not known:
        return ["This computer knows no time zones to count them in: install its package tzdata."]
    if isinstance(zone, str) and zone in known:
        return []
    return [f"zone: there is no time zone {zone!r}. {nearest(str(zone), known)}"]


def _week(hours: Any, mistakes: list[str]) -> tuple[tuple[Span, ...], ...]:
    """Return the spans of each day; `mistakes` gets what is wrong with them."""
    lines = [hours] if isinstance(hours, str) else hours
    if not isinstance(lines, list) or not lines:
        mistakes.append('hours: a list is needed, such as ["Mon,Wed 08:00-18:00"].')
        return ()
    week: list[list[Span]] = [[] for _ in DAYS]
    before = len(mistakes)
    for line in lines:
        try:
            days, span = _hours(line)
        except ValueError as error:
            mistakes.append(f"hours: {error}")
            continue
        for day in days:
            week[day].append(span)
    table = tuple(tuple(_joined(spans)) for spans in week)
    if len(mistakes) == before and all(spans == (Span(0, MIDNIGHT),) for spans in table):
        mistakes.append("hours: class never ends by them, so machines would never stop.")
    return table


def _hours(line: Any) -> tuple[list[int], Span]:
    found = HOURS.fullmatch(line.strip()) if isinstance(line, str) else None
    if found is None or not found["days"]:
        raise ValueError(f'{line!r} is no hours; a line is "Mon,Wed 08:00-18:00", with its quotation marks.')
    begin, end = _minute(found["begin"]), _minute(found["end"])
    if begin is None or end is None or begin == MIDNIGHT:
        raise ValueError(f"{line!r} has a time that is none: they go from 00:00 to 24:00.")
    days = _days(found["days"], line)
    if end <= begin:
        first, next_ = DAYS[days[0]], DAYS[(days[0] + 1) % WEEK]
        over = f'"{first} {_clock(begin)}-24:00" and "{next_} 00:00-{_clock(end)}"'
        raise ValueError(f"{line!r} ends before it begins. If that is over midnight, write {over}.")
    return days, Span(begin, end)


def _days(text: str, line: str) -> list[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        from_, to = _weekday(first, line), _weekday(last if dash else first, line)
        days |= {(from_ + more) % WEEK for more in range((to - from_) % WEEK + 1)}
    return sorted(days)


def _weekday(name: str, line: str) -> int:
    for number, (short, long) in enumerate(zip(DAYS, NAMES, strict=True)):
        if name.casefold() in (short.casefold(), long):
            return number
    near = difflib.get_close_matches(name.casefold(), NAMES, n=1) or difflib.get_close_matches(name.title(), DAYS, n=1)
    hint = f"Do you mean {near[0][:3].title()}?" if near else f"Days are {', '.join(DAYS)}."
    raise ValueError(f"{line!r} has a day {name!r}, which is none. {hint}")


def _day(value: Any, mistakes: list[str]) -> date | None:
    """Return the date that YAML has read, or was given in quotation marks; `mistakes` gets what is wrong with it."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value)
    except ValueError:
        mistakes.append(f"last_day: there is no day {value}.")
        return None
    mistakes.append(f"last_day: {str(value)!r} is no day such as 2027-02-12.")
    return None


def _minute(clock: str) -> int | None:
    found = TIME.fullmatch(clock)
    minute = int(found["hour"]) * 60 + int(found["minute"]) if found else MIDNIGHT + 1
    return minute if minute <= MIDNIGHT else None


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Join spans that overlap or touch."""
    whole: Span | None = None
    for span in sorted(spans):
        if whole and span.begin <= whole.end:
            whole = Span(whole.begin, max(whole.end, span.end))
            continue
        if whole:
            yield whole
        whole = span
    if whole:
        yield whole


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
