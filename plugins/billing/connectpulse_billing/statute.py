"""How long records of money are kept: as long as tax law asks. The rules of the tables that hold them.

The database guards the same six years where rows may never change (migrations 0001 and 0005). A site that owes its
law longer raises the rule in the panel; nobody can lower it.
"""

from datetime import timedelta
from typing import Any

from connectpulse.core.api import Personal, RetentionRule, Then

STATUTE = timedelta(days=2192)
"""Six years, however the leap years among them fall."""
LONGEST = timedelta(days=7305)
BOOKS = "billing records"
_LAW = "Records of what was bought, paid and spent are kept for six years, as tax law asks."


def by_statute(model: type[Any], age: str, personal: tuple[str, ...] = (), **more: Any) -> RetentionRule:
    """Return the rule of records that stay six years and no less; those of a `parent` go with it."""
    bounds: dict[str, Any] = {} if "parent" in more else {"least": STATUTE, "most": LONGEST}
    kinds = dict.fromkeys(personal, Personal.BILLING)
    return RetentionRule(model, age, STATUTE, Then.PURGE, BOOKS, personal, kinds=kinds, statute=_LAW, **bounds, **more)


def while_used(model: type[Any], personal: tuple[str, ...] = (), purpose: str = BOOKS) -> RetentionRule:
    """Return the rule of what stays as long as it is used, like accounts and what is offered."""
    kinds = dict.fromkeys(personal, Personal.BILLING)
    return RetentionRule(model, "created_at", None, Then.PURGE, purpose, personal, kinds=kinds)
