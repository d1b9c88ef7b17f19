"""A small Mailgun on loopback, for trials and tests: it takes letters, reports on them, and sends none.

Events are signed like Mailgun's. `fates` decides by the last two digits before the @; 29 is throttled once, 00 is no
address. Letters to sandbox.example are refused.
"""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from ..fates import fate
from ..hosted.calling import Calls, application, calling, said, serving
from .events import REFERENCE
from .settings import BASE
from .signature import sign

API_KEY: Final = "key-trial"
SIGNING_KEY: Final = "trial-signing-key"
DOMAIN: Final = "mg.acme.example"
HEADERS: Final = {"Content-Type": "application/json"}


@asynccontextmanager
async def mailgun() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach it."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running(events_to: str = "") -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach it, and what it holds. Events are posted to `events_to`."""
    async with calling() as calls:
        peer = Peer(calls, events_to)
        app = application()
        app.router.add_post("/v3/{domain}/messages.mime", peer.take)
        async with serving(app) as address:
            yield settings(address), peer


def settings(address: str = BASE) -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`."""
    return {
        "domain": DOMAIN,
        "api_key": API_KEY,
        "signing_key": SIGNING_KEY,
        "base_url": address,
        "countries": "US",
    }


class Peer:
    """The stand-in's one page."""

    def __init__(self, calls: Calls, events_to: str) -> None:
        self.letters: list[dict[str, Any]] = []
        self.calls = calls
        self._events_to = events_to
        self._throttled: set[str] = set()

    async def take(self, request: web.Request) -> web.Response:
        """Take a letter like Mailgun does."""
        expected = "Basic " + b64encode(f"api:{API_KEY}".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return web.Response(status=401, text="Forbidden")
        if request.match_info["domain"] != DOMAIN:
            return said({"message": "Domain not found"}, 404)
        fields = {name: value.file.read() if isinstance(value, web.FileField) else str(value)
                  for name, value in (await request.post()).items()}  # fmt: skip
        to = str(fields.get("to") or "")
        if not to:
            return said({"message": "to parameter is missing"}, 400)
        if to.partition("@")[0].endswith("00"):
            return said({"message": "'to' parameter is not a valid address. please check documentation"}, 400)
        if to.endswith("@sandbox.example"):
            words = "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to"
            return said({"message": f"{words} authorized recipients in Account Settings."}, 403)
        if to.partition("@")[0].endswith("29") and to not in self._throttled:
            self._throttled.add(to)
            return said({"message": "Too many requests"}, 429)
        self.letters.append(fields)
        if self._events_to:
            self.calls.owe(self._report(to, str(fields[f"v:{REFERENCE}"])))
        return said({"id": f"<{uuid4().hex}@{DOMAIN}>", "message": "Queued. Thank you."})

    async def _report(self, to: str, reference: str) -> None:
        for told in _told(to):
            await self.calls.post(self._events_to, *posted(event(to, reference, **told)))


def _told(to: str) -> list[dict[str, Any]]:
    found = fate(to)
    status = found.bounce or (found.reply or found.end).partition(" ")[2][:5]
    kinds: list[dict[str, Any]] = [{"event": "accepted"}]
    if status:
        said_so = {"code": 554 if found.end else 550, "enhanced-code": status}
        kinds.append({"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": said_so})
    elif not found.is_silent:
        kinds.append({"event": "delivered", "delivery-status": {"code": 250}})
    if found.complains:
        kinds.append({"event": "complained"})
    return kinds


def event(to: str, reference: str, **facts: Any) -> dict[str, Any]:
    """Return an event as Mailgun writes it."""
    return {
        "timestamp": time.time(),
        "id": uuid4().hex,
        "recipient": to,
        "user-variables": {REFERENCE: reference},
        **facts,
    }


def posted(told: Any, at: float | None = None, token: str = "") -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request that tells an event, signed at `at`."""
    stamp, token = str(int(time.time() if at is None else at)), token or secrets.token_hex(25)
    proof = {"timestamp": stamp, "token": token, "signature": sign(SIGNING_KEY, stamp, token)}
    return json.dumps({"signature": proof, "event-data": told}).encode(), dict(HEADERS)
