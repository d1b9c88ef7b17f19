"""What an operator does for somebody who cannot get in, when the panel is no help."""

from ..core.errors import NotFound
from ..core.services.access import factors, people
from ..core.services.access.people import Person
from ..core.services.work import Work
from ..house import House
from ..web.security import accounts
from . import site


def unlock(house: House, email: str) -> None:
    """Open an account again that too many wrong attempts closed; raise NotFound where there is none."""
    house.require_database()
    with house.work(site.operator()) as work:
        accounts.unlock(work, _person(work, email).id)


def reset_factors(house: House, email: str) -> None:
    """Take the second factors of an account away and end its sessions; raise NotFound where there is none."""
    house.require_database()
    with house.work(site.operator()) as work:
        factors.reset(work, _person(work, email))


def _person(work: Work, email: str) -> Person:
    found = people.by_email(work, email)
    if found is None:
        raise NotFound(f"Nobody has an account with the e-mail address {email}.")
    return found
