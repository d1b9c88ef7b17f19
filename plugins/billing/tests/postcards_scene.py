"""An organisation with the postcard channel and the real books, for tests that write the receipts themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.testing import factories
from tests.conftest import entry_point
from tests.unit.core.services.scene import Scene


@contextmanager
def postcards(database_url: str) -> Iterator[Scene]:
    """Set the scene; postcards cost a unit each until a card says otherwise."""
    made = houses.build(
        from_mapping(fresh_secrets() | {"DATABASE_URL": database_url}),
        entry_points=[
            entry_point("postcard", "tests.plugins.postcard:PostcardPlugin"),
            entry_point("billing", "connectpulse_billing.plugin:BillingPlugin"),
        ],
        pool_size=5,
    )
    scene = Scene(made, factories.organisation(made))
    scene.connect()
    yield scene
    made.close()
