"""What all messages of one content and sender have in common is handed over beside them, and kept nowhere twice."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.provider import Submission
from connectpulse.core.services import expansion, sharing, singles, templates, ways_out
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Campaign, Message
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.house.test_contracts_fit import accept, house, launch, scene

__all__ = ["house"]

SITE = "https://pulse.example.org"
ADDRESSES = ["amina@example.org", "bilal@example.org", "zara@example.org"]


@pytest.fixture
def desk(house: House) -> ServiceDesk:
    return ServiceDesk(house.work, "letter-keeper", SITE)


def taken(desk: ServiceDesk) -> Sequence[Submission]:
    """Hand everything over that waits; return it."""
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 100).batch
    if batch is None:
        return ()
    hand.turn(batch, [accept(each.message_id) for each in batch.submissions], 0)
    return batch.submissions


def test_a_campaigns_letters_share_one_paper_and_each_has_its_way_out(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    launch(house, organisation, scene(house, organisation, "letter", ADDRESSES, body="Spring sale"))
    letters = taken(desk)
    assert [each.body for each in letters] == [f"to {address}" for address in ADDRESSES]
    assert letters[0].shared == {"paper": "Spring sale", "from": "Acme", "organisation": organisation}
    assert all(each.shared is letters[0].shared for each in letters)
    assert [each.way_out for each in letters] == [ways_out.address(SITE, each.message_id) for each in letters]
    with house.work(ADMINISTRATOR, organisation) as work:
        assert set(work.session.scalars(select(Message.extra))) == {None}


def test_paper_is_read_once_a_minute_and_stays_the_same_object_while_it_is_the_same(
    house: House, organisation: int, desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expansion, "DISPATCH_SIZE", 1)
    monkeypatch.setattr(sharing, "KEPT", 0.0)
    launch(house, organisation, scene(house, organisation, "letter", ADDRESSES, body="Spring sale"))
    batches = [taken(desk) for _ in ADDRESSES]
    assert [len(batch) for batch in batches] == [1, 1, 1]
    assert all(batch[0].shared is batches[0][0].shared for batch in batches)


def test_a_single_letter_carries_its_own_paper_and_hands_over_no_more(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    scene(house, organisation, "letter", ADDRESSES)
    with house.work(ADMINISTRATOR, organisation) as work:
        channel = work.registry.channel("letter")
        singles.queue(
            work, channel=channel, sender="Acme", address="omar@example.org", content={"body": "An answer"},
            purpose=Purpose.TRANSACTIONAL,
        )  # fmt: skip
    (letter,) = taken(desk)
    assert (letter.shared, letter.extra, letter.way_out) == (
        {"paper": "An answer", "from": "Acme", "organisation": organisation}, {}, "",
    )  # fmt: skip


def test_a_paper_that_cannot_be_had_pauses_the_campaign_with_its_reason(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    campaign_id = scene(house, organisation, "letter", ADDRESSES, body="fine")
    with house.work(ADMINISTRATOR, organisation) as work:
        campaign = work.session.get(Campaign, campaign_id)
        assert campaign is not None
        assert campaign.template_version is not None
        template_id = campaign.template_version.template_id
        campaign.template_version_id = templates.revise(work, template_id, {"body": "torn"}).id
    launch(house, organisation, campaign_id)
    assert taken(desk) == ()
    with house.work(ADMINISTRATOR, organisation) as work:
        row = work.session.get(Campaign, campaign_id)
        assert row is not None
        assert (row.state, row.reason) == ("paused", "Letter: The paper is torn.")
