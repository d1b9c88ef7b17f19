"""What an operator does to accounts and keys from the command line."""

from flask_appbuilder.security.sqla.models import User

from ..core.errors import NotFound
from ..core.services import audit
from ..core.services.work import Work
from ..core.storage import vault
from ..house import House
from ..web.security import accounts
from ..web.security.manager import synchronise_roles
from ..web.security.roles import PLATFORM_ADMINISTRATOR
from . import site


def create_administrator(house: House, username: str, email: str, name: str, password: str) -> str:
    """Create an administrator of the platform; return the password that was made up, if none was given."""
    house.require_database()
    made_up = "" if password else accounts.fresh_password()
    first, _, last = name.strip().partition(" ")
    with house.work(site.operator()) as work:
        synchronise_roles(work.session, work.registry)
        account = accounts.Account(username, email, first, last)
        accounts.create(work, account, password or made_up, PLATFORM_ADMINISTRATOR, must_change=bool(made_up))
    return made_up


def set_password(house: House, email: str, password: str) -> str:
    """Give an account another password, which ends its sessions; return the one that was made up, if none was given.

    Its owner chooses one of their own at the next sign-in. Raises NotFound where nobody has this e-mail address.
    """
    house.require_database()
    made_up = "" if password else accounts.fresh_password()
    with house.work(site.operator()) as work:
        accounts.set_password(work, _account(work, email).id, password or made_up, must_change=True)
    return made_up


def set_active(house: House, email: str, is_active: bool) -> None:
    """Switch an account off, which ends its sessions, or on again; raise NotFound where there is none."""
    house.require_database()
    with house.work(site.operator()) as work:
        accounts.set_active(work, _account(work, email).id, is_active)


def _account(work: Work, email: str) -> User:
    user = accounts.by_email(work, email)
    if user is None:
        raise NotFound(f"Nobody has an account with the e-mail address {email}.")
    return user


def rotate_keys(house: House) -> int:
    """Encrypt every stored credential anew under the first key; return how many."""
    house.require_database()
    rewritten = vault.rotate_all(house.engine)
    with house.work(site.operator()) as work:
        audit.record(work, "platform.keys_rotated", rows=rewritten)
    return rewritten
