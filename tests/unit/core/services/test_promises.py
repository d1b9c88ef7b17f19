"""A policy that says another time than a rule, or another company than the operator, is not published."""

import pytest

from connectpulse.core.errors import Refused
from connectpulse.core.services.policy import operator, promises, versions
from connectpulse.core.services.retention import terms
from connectpulse.core.services.work import Work
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.unit.core.services.test_policy import FACTS, TODAY, at, prepare

VAGUE = "SMS and campaign logs are archived periodically and retained for operational and reporting purposes."


def saying(sentence: str) -> str:
    assert VAGUE in versions.first_draft()
    return versions.first_draft().replace(VAGUE, sentence)


def test_the_first_draft_contradicts_no_rule(work: Work) -> None:
    assert promises.contradictions(work, versions.first_draft()) == []


@pytest.mark.parametrize(
    ("sentence", "tables"),
    [
        ("Campaign logs are archived after 90 days.", []),
        ("Campaign logs are archived after 30 days.", ["pulse_campaign"]),
        ("Message logs are kept for up to 100 days.", []),
        ("Sign-in records are kept for one year.", ["pulse_sign_in"]),
    ],
)
def test_a_stated_time_is_that_of_the_rule(work: Work, sentence: str, tables: list[str]) -> None:
    assert [each.table for each in promises.contradictions(work, saying(sentence))] == tables


def test_a_policy_with_another_time_is_refused_with_both_sentences(house: House) -> None:
    said = "Campaign logs are archived after 90 days."
    with at(house) as work:
        operator.change(work, FACTS)
        terms.choose(work, "pulse_campaign", 30)
        prepare(work, source=saying(said))
        with pytest.raises(Refused) as refused:
            versions.publish(work)
    (problem,) = refused.value.problems
    assert said in problem
    assert "the rule “Campaigns” keeps them for 30 days." in problem


def test_an_organisation_that_chose_longer_counts_unless_the_text_allows_for_it(
    house: House, organisation: int
) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        terms.choose(work, "pulse_message", 300)
    with house.work(ADMINISTRATOR) as work:
        (found,) = promises.contradictions(work, saying("Message logs are archived after 90 days."))
        assert "an organisation chose up to 300 days" in found.rule
        allowed = saying("Message logs are archived after 90 days unless your organisation chose another time.")
        assert promises.contradictions(work, allowed) == []


def test_the_drafts_company_is_pointed_out_where_another_runs_the_platform(house: House) -> None:
    with at(house) as work:
        operator.change(work, FACTS | {"legal_entity": "Mehr Telecom Ltd."})
        draft = prepare(work, effective_on=TODAY)
        (problem,) = versions.problems(work, draft)
        assert problem.startswith("It still names IISOL (Pvt.) Ltd")
        assert "the operator is Mehr Telecom Ltd." in problem
        named = draft.source.replace("IISOL (Pvt.) Ltd.", "IISOL (Pvt.) Ltd., run here by Mehr Telecom Ltd.", 1)
        assert versions.problems(work, prepare(work, source=named)) == []
