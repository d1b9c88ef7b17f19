"""Sending windows: local hours, over midnight, on weekdays, and across changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain.windows import SendingWindow, find_zone, to_utc
from connectpulse.core.errors import Refused

KARACHI, BERLIN, NEW_YORK = (ZoneInfo(name) for name in ("Asia/Karachi", "Europe/Berlin", "America/New_York"))
DAY = SendingWindow(time(9), time(18))
zones = st.sampled_from([ZoneInfo(n) for n in ("Asia/Karachi", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")])
moments = st.integers(0, 3 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
windows = st.builds(
    SendingWindow,
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.frozensets(st.integers(0, 6), min_size=1),
)


def at(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("now", "opens", "closes"),
    [
        ("2026-03-02 08:59", "2026-03-02 09:00", "2026-03-02 18:00"),
        ("2026-03-02 09:00", "2026-03-02 09:00", "2026-03-02 18:00"),
        ("2026-03-02 17:59", "2026-03-02 09:00", "2026-03-02 18:00"),
        ("2026-03-02 18:00", "2026-03-03 09:00", "2026-03-03 18:00"),
    ],
)
def test_a_window_is_open_or_opens_next(now: str, opens: str, closes: str) -> None:
    assert DAY.span(at(now, KARACHI), KARACHI) == (at(opens, KARACHI), at(closes, KARACHI))


def test_a_window_over_midnight_belongs_to_the_day_it_opens_on() -> None:
    night = SendingWindow(time(22), time(2), frozenset({4}))  # Friday night
    opens, closes = night.span(at("2026-03-07 01:30", BERLIN), BERLIN)  # Saturday
    assert (opens, closes) == (at("2026-03-06 22:00", BERLIN), at("2026-03-07 02:00", BERLIN))


def test_closed_weekdays_are_passed_over() -> None:
    weekdays = SendingWindow(time(9), time(18), frozenset(range(5)))
    assert weekdays.span(at("2026-03-06 18:30", BERLIN), BERLIN)[0] == at("2026-03-09 09:00", BERLIN)


def test_local_hours_are_kept_across_a_change_of_the_clocks() -> None:
    before, after = (DAY.span(at(day, BERLIN), BERLIN)[0] for day in ("2026-03-28 10:00", "2026-03-29 10:00"))
    assert (before.hour, after.hour) == (8, 7)
    assert before.astimezone(BERLIN).time() == after.astimezone(BERLIN).time() == time(9)


def test_the_day_with_an_hour_less_or_more_is_that_much_shorter_or_longer() -> None:
    night = SendingWindow(time(0), time(6))
    lengths = [
        closes - opens
        for day in ("2026-03-29 05:00", "2026-10-25 05:00", "2026-06-01 05:00")
        for opens, closes in [night.span(at(day, BERLIN), BERLIN)]
    ]
    assert lengths == [timedelta(hours=5), timedelta(hours=7), timedelta(hours=6)]


def test_each_recipient_has_hours_of_their_own() -> None:
    now = at("2026-03-02 10:00", KARACHI)
    assert DAY.span(now, KARACHI)[0] < now < DAY.span(now, NEW_YORK)[0]


def test_a_window_without_a_day_never_opens() -> None:
    with pytest.raises(Refused, match="at least one weekday"):
        SendingWindow(time(9), time(18), frozenset()).span(datetime(2026, 1, 1, tzinfo=UTC), KARACHI)


@given(windows, moments, zones)
def test_a_span_is_ahead_and_the_nearest(window: SendingWindow, now: datetime, zone: ZoneInfo) -> None:
    opens, closes = window.span(now, zone)
    assert opens < closes
    assert now < closes
    assert (opens.utcoffset(), closes.utcoffset()) == (timedelta(0), timedelta(0))
    if opens > now:  # it is closed, and stays so until then
        assert window.span(opens - timedelta(microseconds=1), zone) == (opens, closes)


@pytest.mark.parametrize("name", ["Karachi", "", "../etc/passwd", "Asia", "Asia/\x00"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="is not a time zone"):
        find_zone(name)


def test_a_time_the_clocks_skip_is_refused_and_one_they_repeat_is_the_first() -> None:
    assert to_utc(datetime.fromisoformat("2026-10-25 02:30"), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    with pytest.raises(Refused, match="clocks go forward"):
        to_utc(datetime.fromisoformat("2026-03-29 02:30"), BERLIN)
