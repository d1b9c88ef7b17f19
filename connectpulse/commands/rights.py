"""What the `connectpulse rights` commands do."""

import json
from pathlib import Path
from typing import Any

from ..core.domain.settings import Settings
from ..core.services.rights import copying, replaying
from ..core.services.rights.replaying import Replayed
from ..core.storage.trust import trust
from ..house import House


def verify(settings: Settings, package: Path, public_key: str = "") -> dict[str, Any]:
    """Return what a copy of somebody's data says of itself; raise Refused if it is not as it was signed.

    It needs the key of trust or a `public_key`, and no database.
    """
    trust.set(settings.trust_key)
    return copying.check(package.read_bytes(), public_key or trust.public_key)


def replay(house: House) -> Replayed:
    """Erase again whom a restored database brought back."""
    return replaying.run(house.work)


def shown(told: dict[str, Any]) -> str:
    """Return the facts of a verified copy as lines."""
    return json.dumps({name: told[name] for name in ("request", "from", "made_at", "rows")}, indent=1)
