"""Public documents by which webhooks prove themselves, and addresses they ask to visit: through egress, like anything.

Nothing here is called while a transaction is open.
"""

import asyncio
from collections import OrderedDict
from dataclasses import replace
from threading import Lock

from ..domain.provider import Callback
from ..errors import Refused
from ..wire.http import AnswerLost, EgressSession, Reply, Unreachable

LARGEST = 65_536
"""Bytes of a document that is kept."""
MOST = 64
"""Documents that are kept, by one process."""
PATIENCE = 5
"""Seconds to wait for an answer: a vendor waits for ours meanwhile."""

_kept: OrderedDict[str, bytes] = OrderedDict()
_lock = Lock()


class Missing(Exception):
    """A document must be fetched first; `address` says which."""

    def __init__(self, address: str) -> None:
        super().__init__("A document must be fetched first.")
        self.address = address


class Failed(Exception):
    """An address did not answer as it should."""


def with_proof(callback: Callback, address: str) -> Callback:
    """Return the request with the document at `address`; raise Missing if it was not fetched yet."""
    if not address:
        return callback
    with _lock:
        if address not in _kept:
            raise Missing(address)
        _kept.move_to_end(address)
        return replace(callback, proof=_kept[address])


def keep(address: str, document: bytes) -> None:
    """Keep a document; those not used for longest make room."""
    with _lock:
        _kept[address] = document
        while len(_kept) > MOST:
            _kept.popitem(last=False)


def fetch(address: str) -> None:
    """Fetch a document and keep it; raise Failed if it cannot be had."""
    reply = asyncio.run(_get(address))
    if len(reply.body) > LARGEST:
        raise Failed(f"The document is larger than {LARGEST >> 10} KiB.")
    keep(address, reply.body)


def visit(address: str) -> None:
    """Visit an address; raise Failed if it does not say yes."""
    asyncio.run(_get(address))


async def _get(address: str) -> Reply:
    try:
        async with EgressSession(connections=1, timeout=PATIENCE) as session:
            reply = await session.request("GET", address)
    except (Refused, Unreachable, AnswerLost) as error:
        raise Failed(str(error)) from None
    if reply.status != 200:
        raise Failed(f"It was answered with HTTP status {reply.status}.")
    return reply
