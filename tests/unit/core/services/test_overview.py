"""A campaign's figures as pages draw them: people and messages, and what is heard of them over which connections."""

from decimal import Decimal

import pytest

from connectpulse.core.domain.provider import Capability
from connectpulse.core.services import overview
from connectpulse.core.services.overview import Progress
from connectpulse.core.storage.models import Campaign
from tests.plugins.postcard import PostProvider
from tests.unit.core.services.scene import Scene


def test_accepted_is_the_end_only_where_no_delivery_is_reported() -> None:
    figures = {"state:accepted": Decimal(5), "state:delivered": Decimal(2), "state:undeliverable": Decimal(1)}
    told, silent = Progress(Campaign(), figures), Progress(Campaign(), figures, is_reported=False)
    assert (told.reached, told.awaited) == (2, 5)
    assert (silent.reached, silent.awaited) == (7, 0)


def test_who_went_on_to_another_channel_counts_once() -> None:
    figures = {
        "state:undeliverable": 3,
        "state:delivered": 2,
        "1:moved": 3,
        "1:state:delivered": 2,
        "0:state:failed": 3,
    }
    progress = Progress(Campaign(), {name: Decimal(amount) for name, amount in figures.items()})
    assert (progress.addressed, progress.moved, progress.people) == (5, 3, 2)
    assert progress.at(1).delivered == 2


@pytest.mark.parametrize("reports", [True, False])
def test_whether_deliveries_are_told_is_a_matter_of_the_connections(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, reports: bool
) -> None:
    wanted = frozenset({Capability.RECEIPTS}) if reports else frozenset()
    monkeypatch.setattr(PostProvider, "capabilities", wanted)
    campaign_id = scene.campaign(scene.people("a@x.org"))
    with scene.work() as work:
        campaign = work.session.get_one(Campaign, campaign_id)
        assert overview.progress(work, [campaign])[0].is_reported, "nothing is known before there is a route"
    scene.connect()
    with scene.work() as work:
        campaign = work.session.get_one(Campaign, campaign_id)
        assert overview.progress(work, [campaign])[0].is_reported is reports
