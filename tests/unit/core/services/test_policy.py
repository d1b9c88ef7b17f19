"""The privacy policy: what it must say before it is published, and that nothing changes afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from connectpulse.core.domain import policy_text
from connectpulse.core.domain.personal import Personal
from connectpulse.core.domain.retention import RetentionRule, Then
from connectpulse.core.errors import Refused
from connectpulse.core.registry import Registry
from connectpulse.core.services import duties
from connectpulse.core.services.policy import inventory, operator, versions
from connectpulse.core.services.work import Work
from connectpulse.core.storage import models
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

FACTS = {
    "legal_entity": "IISOL (Pvt.) Ltd.", "address": "Lahore, Pakistan", "email": "help@example.com",
    "phone": "+92 42 1234567", "postal": "P.O. Box 1, Lahore", "privacy_inbox": "privacy@example.com",
}  # fmt: skip
TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@contextmanager
def at(house: House, day: date = TODAY) -> Iterator[Work]:
    house.clock = lambda: datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with house.work(ADMINISTRATOR) as work:
        yield work


def prepare(work: Work, **changes: Any) -> models.PolicyVersion:
    draft = versions.begin(work)
    today = work.clock().date()
    values = {
        "source": draft.source, "summary": "", "revised_on": today, "effective_on": today, "is_material": False,
    }  # fmt: skip
    return versions.change(work, values | changes)


def publish(house: House, day: date = TODAY, **changes: Any) -> str:
    """Publish a version on a day; return its digest."""
    with at(house, day) as work:
        operator.change(work, FACTS)
        prepare(work, **changes)
        return versions.publish(work).digest or ""


def test_the_seed_lacks_exactly_its_dates_and_its_contact(house: House) -> None:
    with at(house) as work:
        draft = versions.begin(work)
        with pytest.raises(Refused) as refused:
            versions.publish(work)
        assert list(refused.value.problems) == [
            "It has no revision date: say when this text was revised.",
            "It has no effective date: say from which day it holds.",
            *(
                f"Its contact section has no {words}: fill it in under Platform, Operator."
                for words in ("legal entity", "registered address", "contact e-mail address", "contact phone number",
                              "postal address", "privacy inbox")
            ),
        ]  # fmt: skip
        assert draft.published_at is None


def test_what_it_lacks_may_be_filled_in_one_by_one(house: House) -> None:
    with at(house) as work:
        operator.change(work, FACTS | {"phone": ""})
        draft = prepare(work, revised_on=TODAY, effective_on=None)
        assert versions.problems(work, draft) == [
            "It has no effective date: say from which day it holds.",
            "Its contact section has no contact phone number: fill it in under Platform, Operator.",
        ]
        operator.change(work, FACTS)
        prepare(work)
        made = versions.publish(work)
        assert "Revised on 2 March 2026. In force from 2 March 2026." in made.text
        assert made.text.rstrip().endswith("- Requests about your data: privacy@example.com")
        assert made.digest == policy_text.digest(made.text)
        assert versions.in_force(work) is made


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"effective_on": TODAY - timedelta(days=1), "revised_on": date(2026, 1, 1)}, "effective date has passed"),
        ({"revised_on": TODAY + timedelta(days=1), "effective_on": date(2026, 4, 1)}, "revision date lies in the fut"),
        ({"revised_on": TODAY, "effective_on": date(2026, 2, 1)}, "before the revision date"),
    ],
)
def test_impossible_dates_are_refused(house: House, changes: dict[str, Any], fault: str) -> None:
    with at(house) as work:
        operator.change(work, FACTS)
        prepare(work, **changes)
        with pytest.raises(Refused, match=fault):
            versions.publish(work)


def test_a_later_version_is_later_and_gives_notice(house: House) -> None:
    publish(house)
    with at(house, TODAY + timedelta(days=10)) as work:
        draft = versions.begin(work)
        changed = draft.source.replace("bulk SMS", "SMS")
        prepare(work, source=changed, revised_on=TODAY - timedelta(days=1), is_material=True)
        faults = " ".join(versions.problems(work, draft))
        assert "before that of the last version, 02 March 2026" in faults
        assert "needs 7 days of notice: let it take effect on 19 March 2026" in faults
        prepare(work, source=draft.source.replace("SMS", "bulk SMS", 1), revised_on=TODAY)
        assert "Nothing has changed since the last version." in versions.problems(work, draft)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE pulse_policy_version SET text = text || 'more'",
        "UPDATE pulse_policy_version SET effective_on = effective_on - 10",
        "UPDATE pulse_policy_version SET published_at = NULL",
        "DELETE FROM pulse_policy_version",
        "TRUNCATE pulse_policy_version",
        "INSERT INTO pulse_policy_version (source, text, digest, revised_on, effective_on, published_at) "
        "VALUES ('x', 'x', 'y', '2026-03-02', '2026-03-02', '2026-03-02')",
        "INSERT INTO pulse_policy_version (source, text, digest, revised_on, effective_on, published_at) VALUES "
        "('x', 'x', encode(sha256('x'), 'hex'), '2026-03-02', '2026-03-01', '2026-03-02')",
    ],
)
def test_the_database_itself_keeps_what_was_published(house: House, attack: str) -> None:
    digest = publish(house)
    with house.engine.connect() as connection, pytest.raises(DBAPIError, match=r"policy|digest"):
        connection.execute(text(attack))
    with at(house) as work:
        found = versions.by_digest(work, digest)
        assert policy_text.digest(found.text) == digest


def test_publishing_is_written_down_and_told_to_everybody(house: House) -> None:
    digest = publish(house)
    with house.engine.connect() as connection:
        told = connection.execute(text("SELECT roles, is_binding, mailed_at FROM pulse_notice")).one()
        said = connection.execute(text("SELECT detail FROM pulse_audit WHERE verb = 'policy.published'")).scalar_one()
    assert (told.roles, told.is_binding, told.mailed_at) == (["*"], True, None)
    assert said["digest"] == digest


def test_a_policy_that_does_not_name_what_is_kept_is_refused(house: House) -> None:
    with at(house) as work:
        operator.change(work, FACTS)
        source = versions.begin(work).source.replace("IP addresses, ", "").replace("login credentials", "passwords")
        prepare(work, source=source)
        with pytest.raises(Refused) as refused:
            versions.publish(work)
        said = " ".join(refused.value.problems)
        assert "It does not name IP addresses" in said
        assert "It does not name login credentials" in said
        assert len(refused.value.problems) == 2


def test_every_personal_column_of_core_is_of_a_kind(house: House) -> None:
    lines = inventory.lines(house.registry)
    assert [line for line in lines if line.kind is None or not line.is_found] == []
    places = {f"{line.table}.{line.column}": line.kind for line in lines}
    assert places["ab_user.password"] is Personal.CREDENTIALS
    assert places["pulse_message.address"] is Personal.MESSAGE_LOG
    assert {line.category for line in lines} >= {"Account information", "Contact lists", "Technical data", "Usage data"}


def test_core_with_a_column_of_no_kind_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = RetentionRule(models.Job, "created_at", None, Then.PURGE, "x", ("worker",))
    before = duties.retention_rules()
    rules = [odd if rule.model is models.Job else rule for rule in before]
    monkeypatch.setattr(duties, "retention_rules", lambda: rules)
    with pytest.raises(Exception, match="column worker of pulse_job is personal, and of no kind"):
        duties.register(Registry())


def test_nothing_in_a_text_is_markup() -> None:
    source = (
        "# <b>Title</b>\n1. Number one\n- **bold** <script>\n[here](javascript:alert(1)) [there](https://a.example)"
    )
    title, number, items, links = policy_text.blocks(source)
    assert (title.text, title.level, number.kind) == ("<b>Title</b>", 1, "heading")
    assert [span.kind for span in items.lines[0]] == ["bold", "text"]
    assert [(span.kind, span.to) for span in links.lines[0] if span.kind == "link"] == [("link", "https://a.example")]


def test_comparing_tells_words_apart() -> None:
    changes = policy_text.compare("We keep logs.\nFor 7 days.\n", "We keep logs.\nFor 8 days.\n")
    assert [(each.kind, each.text) for each in changes] == [
        ("same", "We keep logs.\nFor "), ("gone", "7"), ("new", "8"), ("same", " days.\n"),
    ]  # fmt: skip
    assert "".join(each.text for each in changes if each.kind != "gone") == "We keep logs.\nFor 8 days.\n"


def test_a_text_has_one_canonical_form() -> None:
    assert policy_text.canonical("a\r\n\r\n\r\n\r\nb  \x07") == policy_text.canonical("\na\n\nb\n") == "a\n\nb\n"


def test_the_check_holds_the_policy_in_force_against_what_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(house) as work:
        assert inventory.faults(work) == []
    publish(house)
    with at(house) as work:
        assert inventory.faults(work) == []
        rule = house.registry.rules["pulse_job"]
        odd = RetentionRule(rule.model, rule.age_column, rule.keep, rule.then, rule.purpose, ("state",),
                            kinds={"state": Personal.BILLING})  # fmt: skip
        monkeypatch.setitem(house.registry.rules, "pulse_job", odd)
        assert inventory.faults(work) == []
        monkeypatch.setattr(inventory, "COLLECTED", "how we use your information")
        assert "The privacy policy in force: it does not name billing details under" in " ".join(inventory.faults(work))
