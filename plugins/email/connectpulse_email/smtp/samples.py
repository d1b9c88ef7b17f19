"""What the conformance kit tries the SMTP provider with: aiosmtpd as its mail server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from aiosmtpd.smtp import SMTP

from connectpulse.core.api import ErrorClass, Samples, Submission

from ..fates import fate
from .settings import FORM

_LINE: Final = {
    "host": "127.0.0.1",
    "port": 2525,
    "security": "none",
    "countries": "PK",
    "return_domain": "bounce.acme.example",
    "return_key": "a key that only samples know",
    "patience": 5,
}
_SETTINGS: Final = {field.name: field.default for field in FORM} | _LINE

_SENDER: Final = "Acme News <news@acme.example>"
_ENGLISH: Final = {"subject": "Hello", "html": "<p>Your order {{ order }} has been sent.</p>"}
_URDU: Final = {"subject": "آپ کا آرڈر", "html": '<p dir="rtl">آپ کا آرڈر بھیج دیا گیا ہے۔</p>'}


class Handler:
    """Takes letters as `fates` says, and keeps them."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - as aiosmtpd calls it
        """Refuse those whose digits say so."""
        refusal = fate(address).reply
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
        """Refuse those whose digits say so, keep the others."""
        refusal = fate(envelope.rcpt_tos[0]).end
        if refusal:
            return refusal
        self.letters.append(envelope)
        return "250 2.0.0 Queued"


@asynccontextmanager
async def serving(handler: Any, **options: Any) -> AsyncIterator[int]:
    """Run aiosmtpd with `handler` in this loop; yields its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, loop=loop, hostname="mx.acme.example", **options), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def peer() -> AsyncIterator[dict[str, Any]]:
    """Start a mail server in this loop; yields settings that reach it."""
    async with serving(Handler()) as port:
        yield _SETTINGS | {"port": port}


def _submission(number: int, name: str, content: dict[str, str]) -> Submission:
    shared = {"content": content, "sender": _SENDER, "organisation": 1, "keys": ()}
    extra = {"values": {"order": "A & B"}}
    return Submission(
        number, f"{name}@example.com", _SENDER, content["subject"], 1, timedelta(hours=4), f"sample-{number}",
        "promotional", extra, shared, "https://pulse.example.org/stop/1",
    )  # fmt: skip


SAMPLES: Final = Samples(
    settings=_SETTINGS,
    peer=peer,
    submissions=(_submission(1, "amina01", _ENGLISH), _submission(2, "bilal02", _URDU)),
    refused=(
        (_submission(3, "nobody91", _ENGLISH), ErrorClass.RECIPIENT),
        (_submission(4, "critic94", _ENGLISH), ErrorClass.CONTENT),
    ),
)
