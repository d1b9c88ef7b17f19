"""A small Twilio on loopback, for trials and tests: it takes, lists, plays and reports calls, and rings nowhere.

Callbacks are signed like Twilio's. The last two digits of a number decide: 00 is no number, 29 is throttled once,
97 is taken without an answer, 86 is busy, 80 does not answer, 04 fails with SIP 404, 03 with 603, 53 with 503,
77 is a machine, 71 presses 1, 72 presses 2 and 79 presses 9; all others listen to the end.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4
from xml.etree import ElementTree

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from connectpulse.core.api import requests, signed_forms

from .settings import BASE

ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "trial-auth-token"  # noqa: S105 - of an account that leads nowhere
SHARED_KEY: Final = "trial-shared-key"
SECONDS: Final = 12
"""How long every answered call lasts."""

_CODES: Final = {"00": (400, 21211, "Invalid 'To' Phone Number"), "29": (429, 20429, "Too Many Requests")}
_ENDINGS: Final = {"86": ("busy", ""), "80": ("no-answer", ""), "04": ("failed", "404"), "03": ("failed", "603"),
                   "53": ("failed", "503")}  # fmt: skip
_KEYS: Final = {"71": "1", "72": "2", "79": "9"}
_NEEDED: Final = ("To", "From", "Url")


@asynccontextmanager
async def twilio() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach it."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running() -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach it, and what it holds."""
    async with ClientSession(timeout=ClientTimeout(total=10)) as session:
        peer = Peer(session)
        app = web.Application()
        app.router.add_get("/2010-04-01/Accounts/{account}.json", peer.show_account)
        app.router.add_post("/2010-04-01/Accounts/{account}/Calls.json", peer.take)
        app.router.add_get("/2010-04-01/Accounts/{account}/Calls.json", peer.list)
        try:
            async with serving(app) as address:
                yield settings(address), peer
        finally:
            await peer.stop()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve `app` on a free port of loopback; yield its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def settings(address: str = BASE) -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`."""
    return {"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": address, "countries": "US"}


class Peer:
    """The stand-in's pages. `signs_by_key` makes it sign like an account with a webhook rule.

    `heard` holds what was said in each call, by number: texts, and addresses of sounds. `answers` are the statuses
    its callbacks were answered with.
    """

    def __init__(self, session: ClientSession) -> None:
        self.calls: list[dict[str, Any]] = []
        self.heard: dict[str, list[str]] = {}
        self.answers: list[int] = []
        self.signs_by_key = False
        self._session = session
        self._ringing: set[asyncio.Task[None]] = set()
        self._throttled: set[str] = set()

    async def stop(self) -> None:
        """Hang up."""
        for task in self._ringing:
            task.cancel()
        await asyncio.gather(*self._ringing, return_exceptions=True)

    async def show_account(self, request: web.Request) -> web.Response:
        """Answer who the account is."""
        return self._refusal(request) or _said({"sid": ACCOUNT, "status": "active", "type": "Full"})

    async def list(self, request: web.Request) -> web.Response:
        """Answer the calls to a number, newest first."""
        if refusal := self._refusal(request):
            return refusal
        to = request.query.get("To")
        rows = [each for each in reversed(self.calls) if to in (None, each["to"])]
        return _said({"calls": rows[: int(request.query.get("PageSize", "50"))], "page": 0})

    async def take(self, request: web.Request) -> web.Response:
        """Take a call like Twilio does."""
        if refusal := self._refusal(request):
            return refusal
        fields = {name: str(value) for name, value in (await request.post()).items()}
        if any(not fields.get(name) for name in _NEEDED):
            return _failed(400, 21205 if not fields.get("Url") else 21201, "A required parameter is missing")
        to = fields["To"]
        if to[-2:] in _CODES and to not in self._throttled:
            if to.endswith("29"):
                self._throttled.add(to)
            return _failed(*_CODES[to[-2:]])
        call = _call(fields)
        self.calls.append(call)
        if to.endswith("97") and request.transport is not None:
            request.transport.abort()
        else:
            task = asyncio.create_task(self._ring(call, fields))
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)
        return _said(call, 201)

    def _refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if given == requests.basic(ACCOUNT, TOKEN) and request.match_info["account"] == ACCOUNT:
            return None
        return _failed(401, 20003, "Authenticate")

    async def _ring(self, call: dict[str, Any], fields: dict[str, str]) -> None:
        digits = call["to"][-2:]
        known = {"CallSid": call["sid"], "AccountSid": ACCOUNT, "To": call["to"], "From": call["from"]}
        if digits in _ENDINGS:
            status, sip = _ENDINGS[digits]
            ended = {"CallStatus": status, "CallDuration": "0"} | ({"SipResponseCode": sip} if sip else {})
        else:
            who = {}
            if "MachineDetection" in fields:
                who = {"AnsweredBy": "machine_end_beep" if digits == "77" else "human"}
            await self._talk(fields["Url"], known | {"CallStatus": "in-progress"} | who, _KEYS.get(digits, ""))
            ended = {"CallStatus": "completed", "CallDuration": str(SECONDS)} | who
        call["status"] = ended["CallStatus"]
        ended["Timestamp"] = format_datetime(datetime.now(UTC))
        await self._post(fields["StatusCallback"], known | ended)

    async def _talk(self, url: str, known: dict[str, str], keys: str) -> None:
        """Do what the documents say until one leads nowhere; a key is pressed where one is asked for."""
        while url:
            document = ElementTree.fromstring(await self._post(url, known))  # noqa: S314 - from the house under test
            said = [each for each in document.iter() if each.tag in ("Say", "Play")]
            self.heard.setdefault(known["To"], []).extend(each.text or "" for each in said)
            gather = document.find("Gather")
            url = gather.get("action", "") if gather is not None and keys else ""
            known, keys = known | {"Digits": keys[:1]}, keys[1:]

    async def _post(self, url: str, fields: dict[str, str]) -> str:
        """Post once, signed; return the answer, an empty document where nobody answered."""
        headers = signed(url, fields, by_key=self.signs_by_key)
        try:
            async with self._session.post(url, data=urlencode(fields).encode(), headers=headers) as answer:
                self.answers.append(answer.status)
                return await answer.text() if answer.status == 200 else "<Response/>"
        except (ClientError, OSError, TimeoutError):
            return "<Response/>"


def signed(url: str, fields: dict[str, str], *, by_key: bool = False) -> dict[str, str]:
    """Return the headers of a callback to `url` that posts `fields`."""
    secret, algorithm = (SHARED_KEY, "HMAC_SHA256") if by_key else (TOKEN, "HMAC_SHA1")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    if by_key:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return headers | {"X-Twilio-Signature": signed_forms.sign(secret, url, fields.items(), algorithm)}


def _call(fields: dict[str, str]) -> dict[str, Any]:
    return {
        "sid": "CA" + uuid4().hex,
        "account_sid": ACCOUNT,
        "to": fields["To"],
        "from": fields["From"],
        "status": "queued",
        "direction": "outbound-api",
        "date_created": format_datetime(datetime.now(UTC)),
    }


def _said(document: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")


def _failed(status: int, code: int, message: str) -> web.Response:
    return _said({"code": code, "message": message, "status": status, "more_info": ""}, status)
