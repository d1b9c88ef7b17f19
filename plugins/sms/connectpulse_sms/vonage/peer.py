"""A small Vonage on loopback, for trials and tests: it takes and reports messages, and sends none.

Callbacks are signed like Vonage's. The last two digits of a number decide: 00 is no number, 10 is barred,
29 is throttled once, 99 is out of reach; all others are delivered.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from connectpulse.core.api import requests

from ..encoding import measure
from ..gateway.peer import serving
from ..hosted.calling import Calls, calling
from .settings import SMS
from .signature import sign, token

ACCOUNT: Final = "abcd1234"
SECRET: Final = "trial-api-secret"  # noqa: S105 - of an account that leads nowhere
SIGNATURE: Final = "trial-signature-secret-of-32-letters"

_REFUSED: Final = {"00": ("6", 422, "1170"), "10": ("7", 422, "1050"), "29": ("1", 429, "1000")}


@asynccontextmanager
async def vonage() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach its SMS API."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running(interface: str = SMS) -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach one of its interfaces, and what it holds."""
    async with calling() as calls:
        peer = Peer(calls)
        app = web.Application()
        app.router.add_post("/sms/json", peer.take_sms)
        app.router.add_post("/v1/messages", peer.take_message)
        app.router.add_get("/account/get-balance", peer.show_account)
        app.router.add_get("/v2/applications", peer.show_account)
        async with serving(app) as address:
            yield settings(address, interface), peer


def settings(address: str = "", interface: str = SMS) -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`."""
    account = {"account": ACCOUNT, "api_secret": SECRET, "signature_secret": SIGNATURE}
    return account | {"interface": interface, "base_url": address, "countries": "US"}


class Peer:
    """The stand-in's pages, what it took, and how its callbacks were answered."""

    def __init__(self, calls: Calls) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self._calls = calls
        self._throttled: set[str] = set()

    async def show_account(self, request: web.Request) -> web.Response:
        """Answer with a balance."""
        if request.headers.get("Authorization") != requests.basic(ACCOUNT, SECRET):
            return _said({"title": "Unauthorized"}, 401)
        return _said({"value": 10.28, "autoReload": False})

    async def take_sms(self, request: web.Request) -> web.Response:
        """Take a message like the SMS API does: HTTP 200 whatever becomes of it."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        signed = "sig" in fields and fields["sig"] == sign(fields.items(), SIGNATURE, "md5hash")
        if fields.get("api_key") != ACCOUNT or not (signed or fields.get("api_secret") == SECRET):
            return _status("14" if "sig" in fields else "4", "Bad Credentials")
        if not (fields.get("to") and fields.get("from") and fields.get("text")):
            return _status("2", "Missing param")
        if refused := self._refused(fields["to"]):
            return _status(refused[0], "Refused")
        self.messages.append(fields)
        ids = [uuid4().hex[:16].upper() for _ in range(measure(fields["text"]).parts)]
        if "callback" in fields:
            self._calls.owe(self._report_sms(fields, ids))
        rows = [{"to": fields["to"], "message-id": id, "status": "0", "message-price": "0.03330000"} for id in ids]
        return _said({"message-count": str(len(rows)), "messages": rows})

    async def take_message(self, request: web.Request) -> web.Response:
        """Take a message like the Messages API does."""
        if request.headers.get("Authorization") != requests.basic(ACCOUNT, SECRET):
            return _problem(401, "")
        found = await request.json()
        if not all(found.get(name) for name in ("to", "from", "text", "channel", "message_type")):
            return _problem(422, "1010")
        if refused := self._refused(found["to"]):
            return _problem(refused[1], refused[2])
        self.messages.append(found)
        reference = str(uuid4())
        if "webhook_url" in found:
            self._calls.owe(self._report_message(found, reference))
        return _said({"message_uuid": reference}, 202)

    def _refused(self, number: str) -> tuple[str, int, str] | None:
        if number in self._throttled:
            return None
        if number.endswith("29"):
            self._throttled.add(number)
        return _REFUSED.get(number[-2:])

    async def _report_sms(self, fields: dict[str, str], ids: list[str]) -> None:
        is_lost = fields["to"].endswith("99")
        for id in ids:
            for status in ("buffered", "failed" if is_lost else "delivered"):
                told = {"msisdn": fields["to"], "to": fields["from"], "messageId": id, "status": status}
                told |= {"err-code": "3" if status == "failed" else "0", "api-key": ACCOUNT}
                body, headers = signed_form(told | {"client-ref": fields.get("client-ref", "")})
                self.answers.append(await self._calls.post(fields["callback"], body, headers))

    async def _report_message(self, found: dict[str, Any], reference: str) -> None:
        is_lost = found["to"].endswith("99")
        for status in ("submitted", "undeliverable" if is_lost else "delivered"):
            told: dict[str, Any] = {"message_uuid": reference, "to": found["to"], "from": found["from"]}
            told |= {"status": status, "channel": "sms", "timestamp": datetime.now(UTC).isoformat()}
            told |= {"client_ref": found.get("client_ref"), "sms": {"count_total": str(measure(found["text"]).parts)}}
            if status == "undeliverable":
                told["error"] = {"type": "https://developer.vonage.com/api-errors/messages#1190", "title": "1190"}
            body, headers = signed_document(told)
            self.answers.append(await self._calls.post(found["webhook_url"], body, headers))


def signed_form(fields: dict[str, str], method: str = "md5hash") -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a callback of the SMS API, made now unless its fields say when."""
    fields = {"timestamp": str(int(time.time())), **fields}
    signature = sign(fields.items(), SIGNATURE, method).upper()
    return urlencode({**fields, "sig": signature}).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def signed_document(found: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a callback of the Messages API."""
    body = json.dumps(found).encode()
    claims = {"iss": "Vonage", "iat": int(time.time()), "jti": uuid4().hex, "api_key": ACCOUNT}
    bearer = token({**claims, "payload_hash": hashlib.sha256(body).hexdigest()}, SIGNATURE)
    return body, {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}


def _status(status: str, text: str) -> web.Response:
    return _said({"message-count": "1", "messages": [{"status": status, "error-text": text}]})


def _problem(status: int, code: str) -> web.Response:
    return _said({"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": "Refused"}, status)


def _said(document: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")
