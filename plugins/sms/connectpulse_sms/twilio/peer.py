"""A small Twilio on loopback, for trials and tests: it takes, lists and reports messages, and sends none.

Callbacks are signed like Twilio's. The last two digits of a number decide: 00 is no number, 10 told Twilio to
stop, 29 is throttled once, 97 is taken without an answer, 99 is out of reach; all others are delivered.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from connectpulse.core.api import requests, signed_forms

from ..encoding import measure
from ..gateway.peer import serving
from ..hosted.calling import Calls, calling
from .settings import BASE

ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "trial-auth-token"  # noqa: S105 - of an account that leads nowhere
SHARED_KEY: Final = "trial-shared-key"

_CODES: Final = {
    "00": (400, 21211, "Invalid 'To' Phone Number"),
    "10": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "29": (429, 20429, "Too Many Requests"),
}


@asynccontextmanager
async def twilio() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach it."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running() -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach it, and what it holds."""
    async with calling() as calls:
        peer = Peer(calls)
        app = web.Application()
        app.router.add_get("/2010-04-01/Accounts/{account}.json", peer.show_account)
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", peer.take)
        app.router.add_get("/2010-04-01/Accounts/{account}/Messages.json", peer.list)
        async with serving(app) as address:
            yield settings(address), peer


def settings(address: str = BASE) -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`."""
    return {"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": address, "countries": "US"}


class Peer:
    """The stand-in's pages. `signs_by_key` makes it sign like an account with a webhook rule."""

    def __init__(self, calls: Calls) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.signs_by_key = False
        self._calls = calls
        self._throttled: set[str] = set()

    async def show_account(self, request: web.Request) -> web.Response:
        """Answer who the account is."""
        return self._refusal(request) or _said({"sid": ACCOUNT, "status": "active", "type": "Full"})

    async def list(self, request: web.Request) -> web.Response:
        """Answer the messages to a number, newest first."""
        if refusal := self._refusal(request):
            return refusal
        to = request.query.get("To")
        size = int(request.query.get("PageSize", "50"))
        rows = [each for each in reversed(self.messages) if to in (None, each["to"])]
        return _said({"messages": rows[:size], "page": 0, "page_size": size})

    async def take(self, request: web.Request) -> web.Response:
        """Take a message like Twilio does."""
        if refusal := self._refusal(request):
            return refusal
        fields = {name: str(value) for name, value in (await request.post()).items()}
        to, digits = fields.get("To", ""), fields.get("To", "")[-2:]
        if not to or not fields.get("Body"):
            return _failed(400, 21604 if not to else 21602, "A required parameter is missing")
        if not (fields.get("From") or fields.get("MessagingServiceSid")):
            return _failed(400, 21603, "A 'From' phone number is required")
        if digits in _CODES and to not in self._throttled:
            if digits == "29":
                self._throttled.add(to)
            return _failed(*_CODES[digits])
        message = self._keep(fields)
        if digits == "97" and request.transport is not None:
            request.transport.abort()
        elif callback := fields.get("StatusCallback"):
            self._calls.owe(self._report(callback, message))
        return _said(message, 201)

    async def write(self, url: str, sender: str, to: str, text: str) -> int:
        """Call the address `url` as if a person had written; return the answer's status."""
        fields = {"MessageSid": _sid(), "AccountSid": ACCOUNT, "From": sender, "To": to, "Body": text}
        return await self._call(url, fields | {"SmsStatus": "received", "NumMedia": "0"})

    def _keep(self, fields: dict[str, str]) -> dict[str, Any]:
        message = {
            "sid": _sid(),
            "account_sid": ACCOUNT,
            "to": fields["To"],
            "from": fields.get("From"),
            "messaging_service_sid": fields.get("MessagingServiceSid"),
            "body": fields["Body"],
            "status": "queued",
            "direction": "outbound-api",
            "num_segments": "0" if "MessagingServiceSid" in fields else str(measure(fields["Body"]).parts),
            "error_code": None,
            "date_created": format_datetime(datetime.now(UTC)),
        }
        self.messages.append(message)
        return message

    def _refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if given == requests.basic(ACCOUNT, TOKEN) and request.match_info["account"] == ACCOUNT:
            return None
        return _failed(401, 20003, "Authenticate")

    async def _report(self, url: str, message: dict[str, Any]) -> None:
        is_lost = message["to"].endswith("99")
        for status in ("sent", "undelivered" if is_lost else "delivered"):
            fields = {"MessageSid": message["sid"], "SmsSid": message["sid"], "AccountSid": ACCOUNT}
            fields |= {"MessageStatus": status, "SmsStatus": status, "To": message["to"], "From": message["from"] or ""}
            if status == "undelivered":
                fields["ErrorCode"] = "30003"
            message["status"] = status
            await self._call(url, fields)

    async def _call(self, url: str, fields: dict[str, str]) -> int:
        headers = signed(url, fields, by_key=self.signs_by_key)
        status = await self._calls.post(url, urlencode(fields).encode(), headers)
        self.answers.append(status)
        return status


def signed(url: str, fields: dict[str, str], *, by_key: bool = False) -> dict[str, str]:
    """Return the headers of a callback to `url` that posts `fields`."""
    secret, algorithm = (SHARED_KEY, "HMAC_SHA256") if by_key else (TOKEN, "HMAC_SHA1")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    if by_key:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return headers | {"X-Twilio-Signature": signed_forms.sign(secret, url, fields.items(), algorithm)}


def _sid() -> str:
    return "SM" + uuid4().hex


def _said(document: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")


def _failed(status: int, code: int, message: str) -> web.Response:
    return _said({"code": code, "message": message, "status": status, "more_info": ""}, status)
