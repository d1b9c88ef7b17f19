"""What is known of people is read for the uses the policy names: contacts for campaigns, and never for figures."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Executable, func, select, text

from connectpulse.core.domain.faces import Card, Report
from connectpulse.core.domain.personal import Personal, Use
from connectpulse.core.services import uses
from connectpulse.core.services.policy import inventory, versions
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Address, Campaign, Contact, ContactList, Message
from connectpulse.core.storage.session import raw
from connectpulse.core.storage.uses import NotForThis
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

NUMBER = "+923001234567"


@pytest.fixture
def reporting(work: Work) -> Iterator[Work]:
    """A work that may read for figures."""
    with uses.within(work, Use.REPORT):
        yield work


READS: dict[str, Executable] = {
    "a column": select(Contact.name),
    "an entity": select(Contact),
    "a condition": select(func.count()).select_from(Address).where(Address.value == NUMBER),
    "a join": select(Campaign.id, Contact.fields).join(Contact, Contact.id == Campaign.id),
    "text": text("SELECT c.name FROM pulse_contact c"),
    "text without an alias": text("SELECT id, value FROM pulse_address"),
    "everything": text("SELECT * FROM pulse_contact"),
    "everything of one": text("SELECT l.id, c.* FROM pulse_contact_list l, pulse_contact AS c"),
    "a row as one": text("SELECT json_agg(c) FROM pulse_contact c"),
    "quoted": text('SELECT "timezone" FROM "pulse_contact"'),
    "in capitals": text("SELECT NAME FROM PULSE_CONTACT"),
    "within another": text("SELECT max(n) FROM (SELECT length(the_one.name) n FROM pulse_contact the_one) x"),
    "a partition": text("SELECT actor_name FROM pulse_audit_p202611"),
    "who launched": select(Campaign.launched_by),
}


@pytest.mark.parametrize("statement", READS.values(), ids=READS.keys())
def test_what_is_not_for_figures_is_not_read_for_them(reporting: Work, statement: Executable) -> None:
    with pytest.raises(NotForThis, match=r"may not be read for this: reports"):
        reporting.session.execute(statement)
    with pytest.raises(NotForThis):
        reporting.session.connection().execute(statement)
    assert reporting.session.scalar(text("SELECT 1")) == 1


def test_figures_are_read(reporting: Work) -> None:
    allowed: tuple[Executable, ...] = (
        select(func.count()).select_from(Contact),
        select(Contact.id, Contact.created_at, ContactList.name).join(ContactList, ContactList.id == Contact.id),
        select(Message.address, Message.state),
        text("SELECT count(*), max(c.id) * 2 FROM pulse_contact c JOIN pulse_contact_list l ON l.id = c.id"),
    )
    for statement in allowed:
        reporting.session.execute(statement)


def test_a_drivers_own_cursor_is_not_had(reporting: Work) -> None:
    with pytest.raises(NotForThis):
        raw(reporting.session)


def test_a_use_ends_with_its_block_and_outlives_a_commit_within(work: Work) -> None:
    with uses.within(work, Use.COMMUNICATE):
        work.session.commit()
        with pytest.raises(NotForThis):
            work.session.execute(select(Contact))
    work.session.execute(select(Contact))
    raw(work.session)


def test_contacts_are_for_campaigns_and_credentials_for_signing_in() -> None:
    assert Personal.CONTACT_ADDRESS.uses == {Use.OPERATE, Use.DELIVER, Use.COMPLY}
    assert Personal.CREDENTIALS.uses == {Use.OPERATE, Use.ACCESS, Use.SECURE}
    assert all(Use.OPERATE in kind.uses for kind in Personal)


def test_a_report_or_a_figure_of_a_plugin_reads_no_contacts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = factories.organisation(house)

    def spying(work: Work, limit: int = 1) -> list[tuple[str]]:
        return [(name,) for name in work.session.scalars(select(Contact.name))]

    def counting(work: Work, limit: int = 1) -> list[tuple[int]]:
        return [(work.session.scalar(select(func.count()).select_from(Contact)) or 0,)]

    for name, rows in (("spying", spying), ("counting", counting)):
        monkeypatch.setitem(house.registry.reports, name, Report(name, name.title(), ("What",), rows))
        card = Card(name, name.title(), lambda work, rows=rows: str(rows(work)))  # type: ignore[misc]
        monkeypatch.setitem(house.registry.cards, name, card)
    app = panel(house, organisation)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    person = visitor(app, roles.ANALYST)
    for kind in ("show", "download"):
        assert person.get(f"/reports/{kind}/counting").status_code == 200
        assert person.get(f"/reports/{kind}/spying").status_code == 500
    home = person.get("/").text
    assert "Counting" in home
    assert "Spying" not in home


def test_a_policy_that_does_not_name_a_use_is_not_published(house: House) -> None:
    text_of_it = versions.first_draft()
    assert inventory.unnamed(house.registry, text_of_it) == []
    silent = text_of_it.replace("Generate reports, analytics", "Generate analytics")
    assert inventory.unnamed(house.registry, silent) == [
        "It does not name 'reports' under 'How we use', which information is used for."
    ]


def test_the_inventory_says_what_each_column_is_for(house: House) -> None:
    found = {(line.table, line.column): line.uses for line in inventory.lines(house.registry)}
    assert found["pulse_address", "value"] == "operate, deliver, legal obligations"
    assert all(found.values())
