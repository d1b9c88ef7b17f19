"""Periods in a policy's text: whose, how long, and in which sense."""

from datetime import timedelta

import pytest

from connectpulse.core.domain import periods

NAMES = {"campaign": ("campaign log",), "message": ("message log", "SMS log"), "api": ("API request log",)}
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("- API request logs are retained for 7 days.", [("api", 7, "exactly")]),
        ("API request logs are kept for seven (7) days.", [("api", 7, "exactly")]),
        ("We delete message logs after at most three months.", [("message", 90, "at most")]),
        ("Campaign logs are kept at least 1 year.", [("campaign", 365, "at least")]),
        ("SMS and campaign logs are archived after 90 days.",
         [("campaign", 90, "exactly"), ("message", 90, "exactly")]),
        ("API request logs are kept for 7 days, message logs for 30 days.",
         [("message", 30, "exactly"), ("api", 7, "exactly")]),
        ("For 30 days we keep message logs.", [("message", 30, "exactly")]),
        ("Message logs are archived periodically.", []),
        ("We answer questions about message logs in 3 days.", []),
        ("Invoices are kept for 10 years.", []),
    ],
)  # fmt: skip
def test_a_sentence_states_a_period_of_what_it_names(sentence: str, found: list[tuple[str, int, str]]) -> None:
    assert [(key, each.keep // DAY, each.bound) for key, each in periods.stated(sentence, NAMES)] == found


def test_a_bound_is_kept_on_its_side() -> None:
    for bound, fitting in (("at least", {90, 91}), ("at most", {89, 90}), ("exactly", {90})):
        said = periods.Stated("x", 90 * DAY, bound)  # type: ignore[arg-type]
        assert {days for days in (89, 90, 91) if said.fits(days * DAY)} == fitting
