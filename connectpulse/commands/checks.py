"""What `connectpulse check` finds: every fault at once, one sentence each."""

from typing import NamedTuple

from sqlalchemy.exc import OperationalError

from ..core.domain.settings import Settings
from ..core.services import setting_up
from ..core.services.policy import inventory
from ..core.services.work import Actor
from ..house import House
from . import site


class Findings(NamedTuple):
    """What keeps a site from working as configured, and what it has yet to set up."""

    faults: list[str]
    unset: list[str]


def look(settings: Settings) -> Findings:
    """Look at this site; raises Misconfigured if it cannot be opened."""
    with site.opened(settings) as house:
        database = _database(house)
        if database:
            return Findings([*_plugins(house), *database], [])
        return Findings([*_plugins(house), *_policy(house)], _unset(house))


def _plugins(house: House) -> list[str]:
    refusals = house.registry.refusals.items()
    return [f"The plugin {name} was refused: {fault}" for name, faults in refusals for fault in faults]


def _policy(house: House) -> list[str]:
    """Return what is kept of people and the policy in force, or about to be, does not name."""
    with house.work(Actor("command", "connectpulse check")) as work:
        return inventory.faults(work)


def _unset(house: House) -> list[str]:
    with house.work(Actor("command", "connectpulse check")) as work:
        return [each.sentence for each in setting_up.unset(work, house.settings)]


def _database(house: House) -> list[str]:
    try:
        return house.check_database() + house.check_writes()
    except OperationalError as error:
        return [f"The database does not answer: {str(error.orig).partition(chr(10))[0]}"]
