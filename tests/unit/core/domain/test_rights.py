"""The calendar of requests: one month with its end, two more at most, and days that do not exist."""

from datetime import UTC, date, datetime, timedelta

import pytest

from connectpulse.core.domain import rights
from connectpulse.core.domain.rights import Kind, State
from connectpulse.core.errors import Refused


@pytest.mark.parametrize(
    ("received", "extension", "due"),
    [
        ("2026-01-31", 0, "2026-02-28"),
        ("2028-01-31", 0, "2028-02-29"),
        ("2026-01-31", 1, "2026-03-31"),
        ("2026-12-31", 0, "2027-01-31"),
        ("2026-11-30", 2, "2027-02-28"),
        ("2026-05-15", 0, "2026-06-15"),
    ],
)
def test_a_month_is_a_month_of_the_calendar(received: str, extension: int, due: str) -> None:
    at = datetime.fromisoformat(received).replace(tzinfo=UTC)
    assert f"{rights.due(at, extension):%Y-%m-%d}" == due


def test_more_than_two_months_more_there_are_not() -> None:
    for months in (-1, 3):
        with pytest.raises(Refused):
            rights.due(datetime(2026, 1, 1, tzinfo=UTC), months)


@pytest.mark.parametrize("typed", ["2026-02-31", "2026-13-01", "soon", "", "0000-00-00"])
def test_a_day_that_does_not_exist_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="no day of the calendar"):
        rights.read_day(typed)
    assert rights.read_day(" 2028-02-29 ") == date(2028, 2, 29)


def test_reminders_come_on_their_days_and_the_last_is_that_it_is_late() -> None:
    received = datetime(2026, 2, 1, tzinfo=UTC)
    due = rights.due(received)
    said = [rights.reminder(received, due, received + timedelta(days=day)) for day in (0, 20, 21, 27, 28, 40)]
    assert said == ["", "", "day-21", "day-21", "overdue", "overdue"]


def test_every_kind_and_state_has_words() -> None:
    assert all(kind.label for kind in Kind)
    assert all(state.sentence.endswith(".") for state in State)
    assert {kind for kind in Kind if not kind.needs_two} == {Kind.OBJECTION, Kind.RESTRICTION}
