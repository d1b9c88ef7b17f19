"""What the conformance kit tries the SMPP provider with: the simulator as its peer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from connectpulse.core.api import ErrorClass, Samples, Submission

from ..smpp.settings import FORM
from ..smpp.status import Status
from .options import Options
from .smsc import Smsc

_ACCOUNT: Final = {"host": "127.0.0.1", "port": 2775, "system_id": "pulse", "password": "pulse"}
_SETTINGS: Final = {field.name: field.default for field in FORM} | _ACCOUNT

_REFUSED: Final = {
    "+923000000011": (Status.ESME_RINVDSTADR, ErrorClass.RECIPIENT),
    "+923000000012": (Status.ESME_RINVSRCADR, ErrorClass.SENDER),
    "+923000000013": (Status.ESME_RX_R_APPN, ErrorClass.CONTENT),
    "+923000000014": (Status.ESME_RINVEXPIRY, ErrorClass.PROVIDER),
    "+923000000015": (Status.ESME_RMSGQFUL, ErrorClass.THROTTLE),
}


@asynccontextmanager
async def peer() -> AsyncIterator[dict[str, Any]]:
    """Start a simulator in this loop; yields settings that reach it."""
    options = Options(refuse={address: status for address, (status, _) in _REFUSED.items()})
    async with Smsc(options) as smsc:
        yield _SETTINGS | {"port": smsc.port}


def _submission(number: int, address: str, body: str) -> Submission:
    return Submission(number, address, "ACME", body, 1, timedelta(hours=4), f"sample-{number}")


SAMPLES: Final = Samples(
    settings=_SETTINGS,
    peer=peer,
    submissions=(
        _submission(1, "+923001234501", "Your order has been sent."),
        _submission(2, "+923001234502", "آپ کا آرڈر بھیج دیا گیا ہے۔"),
        _submission(3, "+923001234503", "A long text of several parts. " * 10),
    ),
    refused=tuple(
        (_submission(number, address, "Your order has been sent."), error)
        for number, (address, (_, error)) in enumerate(_REFUSED.items(), start=10)
    ),
)
