"""Consents by hand: given with evidence, never against a suppression, and withdrawn for good."""

import pytest
from sqlalchemy import select

from connectpulse.core.errors import Refused
from connectpulse.core.services import consents, suppressions
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import ANY, Consent, Suppression
from connectpulse.testing import factories

AMINA = "+923001234567"


def test_a_consent_is_written_down_with_its_evidence(work: Work) -> None:
    row = consents.give(work, "phone", "0300 1234567", "sms", "promotional", " Form of 3 March ")
    assert (row.value, row.channel, row.purpose, row.evidence) == (AMINA, "sms", "promotional", "Form of 3 March")
    assert factories.verbs(work)[-1] == "consent.given"


@pytest.mark.parametrize("evidence", ["", "  ", None])
def test_without_evidence_nothing_is_written(work: Work, evidence: str) -> None:
    with pytest.raises(Refused, match="how we know"):
        consents.give(work, "phone", AMINA, ANY, ANY, evidence)
    assert work.session.scalars(select(Consent)).all() == []


def test_the_same_consent_is_not_written_twice(work: Work) -> None:
    consents.give(work, "phone", AMINA, ANY, ANY, "Form")
    with pytest.raises(Refused, match="already"):
        consents.give(work, "phone", AMINA, ANY, ANY, "Another form")
    other = consents.give(work, "phone", AMINA, "sms", ANY, "Form")
    with pytest.raises(Refused, match="like this already"):
        consents.change(work, other.id, ANY, ANY, "Form")


def test_a_consent_does_not_lift_a_suppression(work: Work) -> None:
    suppressions.add(work, "phone", AMINA, reason="opted_out", source="STOP")
    with pytest.raises(Refused, match="suppressed"):
        consents.give(work, "phone", AMINA, "sms", "promotional", "Form")


def test_whoever_withdraws_is_not_written_to(work: Work) -> None:
    row = consents.give(work, "phone", AMINA, "sms", "promotional", "Form")
    consents.withdraw(work, row.id)
    assert work.session.scalars(select(Consent)).all() == []
    [made] = work.session.scalars(select(Suppression))
    assert (made.value, made.channel, made.purpose, made.reason) == (AMINA, "sms", "promotional", "opted_out")
    assert factories.verbs(work)[-1] == "consent.withdrawn"
