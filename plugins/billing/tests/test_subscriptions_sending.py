"""A suspended subscription keeps campaigns from being launched, until it is paid."""

from collections.abc import Iterator

import pytest
import subscribing_scene
from subscribing_scene import Wall

from connectpulse import house as houses
from connectpulse.core.api import Refused
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.storage.models import Campaign
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


def test_nothing_is_launched_while_the_subscription_is_suspended(house: House, organisation: int) -> None:
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
    with scene.here() as work:
        assert work.session.get_one(Campaign, campaign_id).state == "draft"
    scene.pay(order_id)
    house.clock = real
    sending.launch(campaign_id)
    with scene.here() as work:
        assert work.session.get_one(Campaign, campaign_id).state == "running"
