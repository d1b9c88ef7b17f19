"""What tests of the API share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import SCOPES
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import build, fresh_database
from tests.journeys import specimens
from tests.unit.web.api_scene import Machine, machine

if TYPE_CHECKING:
    from connectpulse.core.storage.embedded import EmbeddedServer


@pytest.fixture
def app(house: House) -> Flask:
    return create_app(house)


@pytest.fixture(scope="module")
def _standing(database_server: "EmbeddedServer", database_template: str) -> Iterator[tuple[House, Machine]]:
    with fresh_database(database_server, database_template) as url:
        house = build(url)
        made = machine(house, create_app(house), factories.organisation(house), *SCOPES, rate=6000)
        yield house, made
        house.close()


@pytest.fixture
def standing(_standing: tuple[House, Machine]) -> Machine:
    """A program that may everything, at a site of this module, for what leaves nothing behind."""
    specimens.at_home(_standing[0])
    return _standing[1]
