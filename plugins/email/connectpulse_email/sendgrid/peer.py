"""A small SendGrid on loopback, for trials and tests: it takes letters, reports on them, and sends none.

Events are signed like SendGrid's. `fates` decides by the last two digits before the @; 29 is throttled once, 00 is
no address. Letters from the domain unverified.example are refused.
"""

import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final
from uuid import uuid4

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..fates import fate
from ..hosted.calling import Calls, application, calling, said, serving
from .events import REFERENCE
from .settings import BASE
from .signature import SIGNATURE, TIMESTAMP

API_KEY: Final = "SG.trial.key"


@asynccontextmanager
async def sendgrid() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach it."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running(events_to: str = "") -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach it, and what it holds. Events are posted to `events_to`."""
    async with calling() as calls:
        peer = Peer(calls, events_to)
        app = application()
        app.router.add_get("/v3/scopes", peer.show_scopes)
        app.router.add_post("/v3/mail/send", peer.take)
        async with serving(app) as address:
            yield settings(address), peer


def settings(address: str = BASE) -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`."""
    public = _key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"api_key": API_KEY, "verifier": base64.b64encode(public).decode(), "base_url": address, "countries": "US"}


class Peer:
    """The stand-in's pages."""

    def __init__(self, calls: Calls, events_to: str) -> None:
        self.letters: list[dict[str, Any]] = []
        self.scopes = ["mail.send"]
        self.calls = calls
        self._events_to = events_to
        self._throttled: set[str] = set()

    async def show_scopes(self, request: web.Request) -> web.Response:
        """Answer what the key may do."""
        return _stranger(request) or said({"scopes": self.scopes})

    async def take(self, request: web.Request) -> web.Response:
        """Take a letter like SendGrid does."""
        if refusal := _stranger(request):
            return refusal
        letter = await request.json()
        if letter["from"]["email"].endswith("@unverified.example"):
            return _failed(403, "from", "The from address does not match a verified Sender Identity.")
        for place, each in enumerate(letter["personalizations"]):
            to = each["to"][0]["email"]
            if to.partition("@")[0].endswith("00"):
                return _failed(400, f"personalizations.{place}.to.0.email", "Does not contain a valid address.")
            if to.partition("@")[0].endswith("29") and to not in self._throttled:
                self._throttled.add(to)
                return _failed(429, None, "too many requests")
        self.letters.append(letter)
        if self._events_to:
            self.calls.owe(self._report(letter))
        return web.Response(status=202, headers={"X-Message-Id": uuid4().hex})

    async def _report(self, letter: dict[str, Any]) -> None:
        told = [event for each in letter["personalizations"] for event in _told(each)]
        await self.calls.post(self._events_to, *signed(told))


def _told(personalization: dict[str, Any]) -> list[dict[str, Any]]:
    to, own = personalization["to"][0]["email"], personalization["custom_args"]
    found = fate(to)
    status = found.bounce or (found.reply or found.end).partition(" ")[2][:5]
    kinds: list[dict[str, Any]] = [{"event": "processed"}]
    if status:
        kinds.append({"event": "bounce", "type": "blocked" if found.end else "bounce", "status": status})
    elif not found.is_silent:
        kinds.append({"event": "delivered", "response": "250 OK"})
    if found.complains:
        kinds.append({"event": "spamreport"})
    return [event(to, own[REFERENCE], **each) for each in kinds]


def event(to: str, reference: str, **more: Any) -> dict[str, Any]:
    """Return an event as SendGrid writes it."""
    stamp = int(time.time())
    return {"email": to, "timestamp": stamp, "sg_event_id": uuid4().hex, REFERENCE: reference, **more}


def signed(told: Sequence[dict[str, Any]], at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request that tells events, signed at `at`."""
    body = json.dumps(told).encode()
    stamp = str(int(time.time() if at is None else at))
    signature = _key().sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    return body, {
        "Content-Type": "application/json",
        SIGNATURE: base64.b64encode(signature).decode(),
        TIMESTAMP: stamp,
    }


@lru_cache(maxsize=1)
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _stranger(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") == f"Bearer {API_KEY}":
        return None
    return _failed(401, None, "The provided authorization grant is invalid, expired, or revoked")


def _failed(status: int, field: str | None, message: str) -> web.Response:
    return said({"errors": [{"message": message, "field": field, "help": None}]}, status)
