"""The demo's verdict: two counts of the same campaign, and every way in which they can disagree."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectpulse.core.services.overview import Progress
from connectpulse.core.storage.models import Campaign
from connectpulse.demo import people
from connectpulse.demo.verdict import Verdict, disagreements, judge

RECORD: dict[str, Any] = {
    "messages": 300, "duplicates": 0, "incomplete": 0, "delivered": 289, "undeliverable": 11,
}  # fmt: skip


def progress(**states: int) -> Progress:
    return Progress(Campaign(), {f"state:{name}": Decimal(amount) for name, amount in states.items()})


def verdict(**states: int) -> Verdict:
    return judge(progress(**states), RECORD, 1.5)


AGREED = verdict(delivered=289, undeliverable=11, skipped=4)


def test_a_run_that_went_well_is_told_in_ten_figures() -> None:
    assert disagreements(AGREED, RECORD, 300) == []
    assert AGREED.as_mapping() == {
        "recipients": 300, "submitted": 300, "accepted": 0, "delivered": 289, "undeliverable": 11, "unknown": 0,
        "lost": 0, "duplicates": 0, "seconds": 1.5, "messages_per_second": 200,
    }  # fmt: skip


def test_what_has_no_known_end_is_lost() -> None:
    found = verdict(delivered=280, undeliverable=11, submitting=5, queued=4)
    assert found.lost == 9
    assert "9 messages were lost." in disagreements(found, RECORD, 300)


def test_acceptance_is_enough_where_no_deliveries_are_reported_and_nowhere_else() -> None:
    found = verdict(accepted=289, undeliverable=11)
    assert (found.accepted, found.lost) == (289, 0)
    assert disagreements(found, RECORD, 300, reports_delivery=False) == []
    assert "Nothing was reported of 289 messages." in disagreements(found, RECORD, 300)


def test_an_unknown_message_may_have_been_submitted_or_not() -> None:
    found = verdict(delivered=288, undeliverable=11, unknown=1)
    assert disagreements(found, RECORD, 300) == []
    not_submitted = RECORD | {"messages": 299, "delivered": 288}
    assert (
        disagreements(judge(progress(delivered=288, undeliverable=11, unknown=1), not_submitted, 1), not_submitted, 300)
        == []
    )


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"messages": 299}, "took 299 messages"),
        ({"messages": 301}, "took 301 messages"),
        ({"delivered": 290}, "delivered of 290, the database of 289"),
        ({"undeliverable": 10}, "undeliverable of 10, the database of 11"),
        ({"duplicates": 2}, "2 messages were submitted twice"),
        ({"incomplete": 1}, "1 messages lack parts"),
    ],
)
def test_every_disagreement_is_said(record: dict[str, Any], says: str) -> None:
    seen = RECORD | record
    found = disagreements(replace(AGREED, submitted=seen["messages"], duplicates=seen["duplicates"]), seen, 300)
    assert any(says in sentence for sentence in found)


def test_people_who_were_not_written_to_are_missed() -> None:
    assert disagreements(AGREED, RECORD, 301) == ["301 people should have been written to, and 300 were."]


def test_everybody_in_the_file_has_a_number_of_their_own() -> None:
    lines = people.csv(5_000, lambda n: f"+92{n}").decode().splitlines()
    assert lines[0] == "Name,Address,City"
    assert len({line.split(",")[1] for line in lines[1:]}) == 5_000
