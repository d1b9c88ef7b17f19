"""What a provider tells about people apart from any message is obeyed wherever it may be meant."""

import pytest
from sqlalchemy import select

from connectpulse.core.domain.provider import Stop
from connectpulse.core.services import senders
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import ANY, InboundMessage, Message, Suppression
from connectpulse.testing import factories
from tests.unit.core.services.scene import AMINA, CHANNEL, Scene


def tell(scene: Scene, connection_id: int, *stops: Stop) -> None:
    ServiceDesk(scene.house.work, "test", "").take_in(connection_id, stops)


def suppressed(scene: Scene, organisation: int) -> list[tuple[str, str, str, str]]:
    with scene.house.work(AMINA, organisation) as work:
        rows = work.session.scalars(select(Suppression).order_by(Suppression.id))
        return [(row.value, row.channel, row.purpose, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("opted_out", ("zara@x.org", ANY, "promotional", "opted_out")),
        ("undeliverable", ("zara@x.org", CHANNEL, ANY, "undeliverable")),
    ],
)
def test_it_holds_for_the_organisation_that_is_meant(
    scene: Scene, reason: str, kept: tuple[str, str, str, str]
) -> None:
    other = factories.organisation(scene.house)
    scene.sender(value="Amina")
    with scene.house.work(AMINA, other) as work:
        senders.create(work, CHANNEL, "name", "Bilal", purposes=["promotional"])
    connection = scene.connect()
    for _ in range(2):  # told twice, it changes nothing
        tell(scene, connection, Stop("zara@x.org", "Amina", reason))
    assert suppressed(scene, scene.organisation) == [kept]
    assert suppressed(scene, other) == []


def test_nobody_wrote_so_nothing_is_kept_or_confirmed(scene: Scene) -> None:
    scene.sender()
    tell(scene, scene.connect(), Stop("zara@x.org", "Amina"))
    with scene.work() as work:
        assert work.session.scalars(select(InboundMessage)).all() == []
        assert work.session.scalars(select(Message)).all() == []


def test_one_that_is_nobodys_and_one_of_no_connection_change_nothing(scene: Scene) -> None:
    connection = scene.connect()
    tell(scene, connection, Stop("zara@x.org", "Nobody"))
    tell(scene, connection + 1, Stop("zara@x.org", "Amina"))
    assert suppressed(scene, scene.organisation) == []
