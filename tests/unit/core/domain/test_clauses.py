"""The sentences of a policy have numbers, whatever is in them, and each of the product's own has a control."""

import pytest

from connectpulse.core.domain.clauses import clauses
from connectpulse.core.domain.controls import CONTROLS
from connectpulse.core.services.evidence.bundle import policy

OURS = {clause.number: clause for clause in clauses(policy())}


def test_every_sentence_of_the_policy_has_one_control() -> None:
    assert [control.number for control in CONTROLS] == list(OURS)
    assert len(OURS) == 38


def test_nothing_of_the_text_is_lost() -> None:
    words = " ".join(clause.text for clause in OURS.values()).split()
    lines = [line for line in policy().splitlines() if line and not line[0].isdigit()]
    assert words == " ".join(line.removeprefix("- ") for line in lines).split()


@pytest.mark.parametrize(
    ("number", "beginning"),
    [
        ("1a", 'Connect Pulse ("we", "us", or "our") is a product of IISOL (Pvt.) Ltd.'),
        ("1b", "This Privacy Policy explains"),
        ("2", "We may collect"),
        ("4b", "API request logs are retained for 7 days."),
        ("6b", "These providers are bound"),
        ("7d", "Object to or restrict"),
        ("8c", "Continued use"),
        ("9", "If you have questions"),
    ],
)
def test_a_sentence_is_found_by_its_number(number: str, beginning: str) -> None:
    assert OURS[number].text.startswith(beginning)


def test_a_text_without_sections_has_no_clauses() -> None:
    assert clauses("") == clauses("Words without a number.") == []
    assert [each.number for each in clauses("3. Alone\n\n")] == []
