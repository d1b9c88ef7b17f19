"""A test of a campaign obeys the rules its recipients are under."""

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.contracts import Measure, Pricer, Tariff, Unpriced
from connectpulse.core.domain.pricing import Price
from connectpulse.core.errors import Refused
from connectpulse.core.services import senders, suppressions, trials
from connectpulse.core.services.ledger import UnmeteredLedger
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Dispatch, Message
from tests.unit.core.services.scene import Scene


@pytest.fixture
def campaign_id(scene: Scene) -> int:
    """A promotional campaign with a route."""
    scene.connect()
    return scene.campaign(scene.people("p@x.org"))


def refused(scene: Scene, campaign_id: int, *addresses: str) -> tuple[str, ...]:
    with scene.work() as work, pytest.raises(Refused) as caught:
        trials.send(work, campaign_id, addresses)
    with scene.work() as work:
        assert work.session.scalars(select(Message.id)).all() == []
    return tuple(caught.value.problems)


def test_a_test_is_sent_for_the_campaigns_purpose(scene: Scene, campaign_id: int) -> None:
    with scene.work() as work:
        assert trials.send(work, campaign_id, ["t@x.org", " t@x.org"]) == 1
        assert work.session.scalars(select(Dispatch.purpose)).one() == "promotional"


def test_a_test_needs_no_list(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(0, list_ids=[])
    with scene.work() as work:
        assert trials.send(work, campaign_id, ["t@x.org"]) == 1


def test_a_test_goes_to_nobody_who_must_not_be_written_to(scene: Scene, campaign_id: int) -> None:
    with scene.work() as work:
        suppressions.add(work, "email", "no@x.org", reason="opted_out", source="test", purpose="promotional")
        work.session.execute(text("UPDATE pulse_contact SET restricted_at = now()"))
    assert refused(scene, campaign_id, "no@x.org", "p@x.org", "t@x.org") == (
        "no@x.org is suppressed. If its owner came back, lift that under Suppressions.",
        "The processing of p@x.org is restricted. Nothing goes there until that is lifted on the contact's page.",
    )


def test_a_test_is_refused_as_the_campaign_is(scene: Scene, campaign_id: int) -> None:
    with scene.work() as work:
        sender = senders.usable(work, "postcard")[0]
        senders.change(work, sender.id, purposes=["transactional"], valid_until=None, opt_out_hint="",
                       approvals=(), is_active=True)  # fmt: skip
    assert refused(scene, campaign_id, "t@x.org") == ("The sender Amina is not approved for promotional messages.",)


def test_a_place_without_a_price_is_a_refusal(scene: Scene, campaign_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpriced(self: UnmeteredLedger, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Price:
            raise Unpriced("+99")

        return price

    monkeypatch.setattr(UnmeteredLedger, "pricer", unpriced)
    assert refused(scene, campaign_id, "t@x.org") == ("There is no price for destinations beginning with +99.",)
