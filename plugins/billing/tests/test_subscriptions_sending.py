"""A suspended subscription keeps campaigns, tests and single messages from being sent, until it is paid."""

from collections.abc import Iterator

import pytest
import subscribing_scene
from sqlalchemy import func, select
from subscribing_scene import Wall

from connectpulse import house as houses
from connectpulse.core.api import Refused
from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import singles, trials
from connectpulse.core.storage.models import Campaign, Message
from connectpulse.house import House
from tests.conftest import entry_point
from tests.unit.core.services.scene import Scene

pytestmark = pytest.mark.metered


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A house with the postcard channel and billing."""
    made = houses.build(
        from_mapping(fresh_secrets() | {"DATABASE_URL": database_url}),
        entry_points=[
            entry_point("postcard", "tests.plugins.postcard:PostcardPlugin"),
            entry_point("billing", "connectpulse_billing.plugin:BillingPlugin"),
        ],
        pool_size=5,
    )
    yield made
    made.close()


def queue(scene: subscribing_scene.Scene) -> None:
    with scene.here() as work:
        singles.queue(
            work, channel=work.registry.channel("postcard"), sender="Amina", address="a@x.org",
            content={"body": "Hello"}, purpose=Purpose.TRANSACTIONAL,
        )  # fmt: skip


def test_nothing_is_sent_while_the_subscription_is_suspended(house: House, organisation: int) -> None:
    sending = Scene(house, organisation)
    sending.connect()
    campaign_id = sending.campaign(sending.people("a@x.org"))
    wall = Wall(house.clock())
    real, house.clock = house.clock, wall
    scene = subscribing_scene.Scene(house, wall, organisation)
    scene.subscribe(scene.plan())
    scene.pay()
    wall.now = scene.of().period_end
    scene.run()
    scene.passes(days=7, minutes=1)
    order_id = scene.unpaid()[0]
    with pytest.raises(Refused, match=f"Your subscription is unpaid: pay order {order_id}"):
        sending.launch(campaign_id)
    with pytest.raises(Refused, match=f"pay order {order_id}"), scene.here() as work:
        trials.send(work, campaign_id, ["a@x.org"])
    with pytest.raises(Refused, match=f"pay order {order_id}"):
        queue(scene)
    with scene.here() as work:
        assert work.session.get_one(Campaign, campaign_id).state == "draft"
        assert work.session.scalar(select(func.count()).select_from(Message)) == 0
    scene.pay(order_id)
    house.clock = real
    sending.launch(campaign_id)
    with scene.here() as work:
        assert work.session.get_one(Campaign, campaign_id).state == "running"
    queue(scene)
