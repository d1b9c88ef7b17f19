"""Files of headers, handed over to Meta once and named by id afterwards. Meta keeps them for 30 days."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import uuid4

from connectpulse.core.api import ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, files, requests

from .answers import outcome
from .codes import AGAIN

KEPT: Final = 25 * 24 * 3600.0
"""Seconds an id is used: less than Meta keeps the file."""

_LATER: Final = TryLater(AGAIN, ErrorClass.PROVIDER, "file_not_handed_over")

Ask = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Reply | Outcome]]
"""Sends one request: method, path, headers, body."""


class Shelf:
    """The ids of files by phone number id and digest. Several messages that want a file wait for one upload."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._kept: dict[tuple[str, str], tuple[str, float]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, number_id: str, file: files.StoredFile) -> str | Outcome:
        """Return a file's id, handing it over first where needed; or what becomes of the messages without it."""
        key = (number_id, str(file.digest))
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() < kept[1]:
                return kept[0]
            found = await self._hand_over(number_id, file)
            if isinstance(found, str):
                self._kept[key] = (found, time.monotonic() + KEPT)
            return found

    def forget(self, number_id: str, file: files.StoredFile) -> None:
        """Hand a file over again the next time: Meta no longer has it."""
        self._kept.pop((number_id, str(file.digest)), None)

    async def _hand_over(self, number_id: str, file: files.StoredFile) -> str | Outcome:
        kind, body = form_data(file)
        reply = await self._ask("POST", f"/{number_id}/media", {"Content-Type": kind}, body)
        if not isinstance(reply, Reply):
            return _unsent(reply)
        name = requests.document(reply).get("id")
        if reply.status < 300 and isinstance(name, str) and name:
            return name
        return _unsent(outcome(reply))


def form_data(file: files.StoredFile) -> tuple[str, bytes]:
    """Return the media type and body of a multipart form (RFC 7578) that hands a file over."""
    edge = uuid4().hex
    name = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\' else "_" for sign in file.name)
    fields = {"messaging_product": "whatsapp", "type": file.media_type}
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    parts.append(f"{head}Content-Type: {file.media_type}\r\n\r\n".encode() + file.content)
    return f"multipart/form-data; boundary={edge}", b"".join(parts) + f"\r\n--{edge}--\r\n".encode()


def _unsent(what: Outcome) -> Outcome:
    """Return the outcome of the messages: none of them was sent, whatever became of the file."""
    if isinstance(what, Unknown):
        return _LATER
    if isinstance(what, Rejected) and what.error is ErrorClass.CONTENT:
        return Rejected("file_not_taken", what.error, what.code)
    return what
