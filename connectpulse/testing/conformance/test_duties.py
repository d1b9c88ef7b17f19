"""Its rows have an end, and a person finds nothing where there is nothing."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import BigInteger, DateTime, Integer, text

from connectpulse.core.domain.retention import RetentionRule, Subject, SubjectHandler, Then
from connectpulse.core.services.work import Work
from connectpulse.core.storage import guard

NOBODY = (Subject(None), Subject(None, (("phone", "+15550100000"), ("email", "nobody@example.com")), (0,), 0))
"""A person without anything, and one whom no row is about."""


def test_a_rule_counts_age_from_a_moment_or_a_number(rule: RetentionRule) -> None:
    column = rule.model.__mapper__.columns[rule.age_column]
    fits = isinstance(column.type, BigInteger | Integer) or getattr(column.type, "timezone", False)
    assert fits, f"{rule.age_column} is {column.type!r}: use a timestamp with time zone, or a time-ordered id"
    assert isinstance(column.type, DateTime) or column.primary_key or column.name.endswith("_id")


def test_a_rule_says_how_long_and_why(rule: RetentionRule) -> None:
    assert rule.purpose.strip(), "the rule gives no purpose"
    assert rule.keep is None or rule.keep > timedelta(0)
    assert isinstance(rule.then, Then)
    if rule.then is Then.ANONYMISE:
        assert rule.personal_columns, "anonymise empties the personal columns, and the rule names none"


def test_a_rules_condition_is_sql(rule: RetentionRule, work: Work) -> None:
    condition = rule.final_only or "true"
    work.session.execute(text(f"SELECT count(*) FROM {rule.model.__tablename__} WHERE ({condition})"))


@pytest.mark.parametrize("subject", NOBODY, ids=["empty", "unknown"])
@pytest.mark.parametrize("is_tenant", [True, False], ids=["in an organisation", "on the platform"])
def test_nobodys_data_is_nothing(handler: SubjectHandler, work: Work, subject: Subject, is_tenant: bool) -> None:
    if is_tenant:
        asked = Subject(work.organisation, subject.addresses, subject.contact_ids, subject.user_id)
        _ask(handler, work, asked)
        return
    with guard.platform_scope(work.session, "the conformance kit"):
        _ask(handler, work, subject)


def _ask(handler: SubjectHandler, work: Work, subject: Subject) -> None:
    for ask in (handler.find, handler.export):
        rows = list(ask(work, subject))
        assert all(isinstance(row, Mapping) for row in rows), "find and export yield mappings"
        assert rows == []
    counts = {
        "rectify": handler.rectify(work, subject, {}),
        "erase": handler.erase(work, subject),
        "restrict": handler.restrict(work, subject, True),
        "lift the restriction": handler.restrict(work, subject, False),
    }
    assert counts == dict.fromkeys(counts, 0), "each returns the number of rows it changed"
