"""What `connectpulse check` finds: every fault at once, one sentence each."""

from sqlalchemy.exc import OperationalError

from ..core.domain.settings import Settings
from ..house import House
from . import site


def faults(settings: Settings) -> list[str]:
    """Return what keeps this site from working as configured; raises Misconfigured if it cannot be opened."""
    with site.opened(settings) as house:
        return [*_plugins(house), *_database(house)]


def _plugins(house: House) -> list[str]:
    refusals = house.registry.refusals.items()
    return [f"The plugin {name} was refused: {fault}" for name, faults in refusals for fault in faults]


def _database(house: House) -> list[str]:
    try:
        return house.check_database()
    except OperationalError as error:
        return [f"The database does not answer: {str(error.orig).partition(chr(10))[0]}"]
