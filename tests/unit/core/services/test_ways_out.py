"""The link in a message that stops messages like it."""

import pytest
from sqlalchemy import select

from connectpulse.app import create_app
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import suppressions, ways_out
from connectpulse.core.storage.models import ANY, Address, Message, Organisation, Suppression
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

NUMBER = "+923001234567"


@pytest.fixture
def message_id(house: House, organisation: int) -> int:
    """A message to a contact who also has an e-mail address."""
    with house.work(ADMINISTRATOR, organisation) as work:
        contact = factories.contact(work, NUMBER, "Amina")
        work.session.add(Address(contact_id=contact.id, scheme="email", value="amina@example.org"))
        made = Message(
            contact_id=contact.id, state=2, parts=1, quantity=1, units=1, channel="sms", address=NUMBER, sender="ACME",
            body="Sale", changed_at=work.clock(),
        )  # fmt: skip
        work.session.add(made)
        work.session.flush()
        return made.id


def suppressed(house: House, organisation: int) -> set[tuple[str, str, str]]:
    with house.work(ADMINISTRATOR, organisation) as work:
        rows = work.session.scalars(select(Suppression)).all()
        assert {row.purpose for row in rows} <= {"promotional"}
        return {(row.scheme, row.value, row.channel) for row in rows}


def test_looking_changes_nothing_and_a_post_stops_promotions_everywhere(
    house: House, organisation: int, message_id: int
) -> None:
    door, path = create_app(house).test_client(), ways_out.address("", message_id)
    page = door.get(path)
    assert page.status_code == 200
    assert NUMBER not in page.text
    assert "+923•••67" in page.text
    assert suppressed(house, organisation) == set()
    for _ in range(2):
        assert door.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert suppressed(house, organisation) == {("phone", NUMBER, ANY), ("email", "amina@example.org", ANY)}


def test_a_message_whose_recipient_was_erased_stops_nothing(
    house: House, organisation: int, message_id: int
) -> None:  # fmt: skip
    with house.work(ADMINISTRATOR, organisation) as work:
        row = work.session.get(Message, message_id)
        assert row is not None
        row.address = ""
    assert create_app(house).test_client().post(ways_out.address("", message_id)).status_code == 404
    assert suppressed(house, organisation) == set()


def test_who_was_erased_stays_suppressed_everywhere(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        suppressions.add(work, "phone", NUMBER, reason="erased", source="test")
        suppressions.add(work, "phone", "+923007654321", reason="operator", source="test")
        hers, his = work.session.scalars(select(Suppression.id).order_by(Suppression.id))
        for row_id, reason in ((hers, "erased"), (hers, "operator"), (his, "erased")):
            with pytest.raises(Refused, match="stays suppressed"):
                suppressions.change(work, row_id, "sms", "promotional", reason)
        assert suppressions.change(work, his, "sms", "promotional", "operator").channel == "sms"


def test_an_organisation_that_does_not_share_stops_the_channel_alone(
    house: House, organisation: int, message_id: int
) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        owner = work.session.get(Organisation, organisation)
        assert owner is not None
        owner.shares_opt_outs = False
    create_app(house).test_client().post(ways_out.address("", message_id))
    assert suppressed(house, organisation) == {("phone", NUMBER, "sms")}


def test_a_link_that_is_not_ours_stops_nothing(house: House, organisation: int, message_id: int) -> None:
    good = ways_out.address("", message_id)
    door = create_app(house).test_client()
    other = good.replace(f"/{message_id:x}-", f"/{message_id + 1:x}-")
    never_ours = (other, "/stop/x", "/stop/" + "f" * 40, "/stop/-", f"{good}\u2019", "/mail/leave/1-news-\u2019")
    for bad in (good[:-1] + ("0" if good[-1] != "0" else "1"), *never_ours):
        assert door.post(bad).status_code == 404, bad
    assert suppressed(house, organisation) == set()
    with house.work(ADMINISTRATOR) as work, pytest.raises(NotFound, match="too old"):
        ways_out.find(work, ways_out.address("", message_id + 1).rpartition("/")[2])
