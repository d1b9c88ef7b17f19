"""What an operator does to accounts and keys from the command line."""

from ..core.services import audit
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
        synchronise_roles(work.session)
        account = accounts.Account(username, email, first, last)
        accounts.create(work, account, password or made_up, PLATFORM_ADMINISTRATOR)
    return made_up


def rotate_keys(house: House) -> int:
    """Encrypt every stored credential anew under the first key; return how many."""
    house.require_database()
    with house.work(site.operator()) as work:
        rewritten = vault.rotate_all(work.session.connection())
        audit.record(work, "platform.keys_rotated", rows=rewritten)
    return rewritten
