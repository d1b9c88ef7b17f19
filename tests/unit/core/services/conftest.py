"""What tests of services share."""

import pytest

from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.scene import Scene


@pytest.fixture
def scene(post_house: House) -> Scene:
    """A site with one organisation and the postcard channel."""
    return Scene(post_house, factories.organisation(post_house))
