"""A small Twilio on loopback, for tests: it keeps templates, decides when told to, and takes messages.

The last two digits of a number decide: 24 is not on WhatsApp, 16 outside the day, 29 throttled once; all others
are taken.
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from .account import ACCOUNT, TOKEN, settings

_CODES: Final = {"24": (400, 63024), "16": (400, 63016), "29": (429, 63018)}


class Peer:
    """The stand-in: `contents` by SID with their approval under `whatsapp`, and the forms of `messages`."""

    def __init__(self) -> None:
        self.contents: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, str]] = []
        self._throttled: set[str] = set()

    def keep(self, content: dict[str, Any], status: str = "unsubmitted") -> str:
        """Keep a template; return its SID."""
        sid = "HX" + uuid4().hex
        self.contents[sid] = {**content, "sid": sid, "whatsapp": {"status": status}}
        return sid

    async def handle(self, request: web.Request) -> web.Response:
        """Answer like Twilio."""
        word = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {word}":
            return _failed(401, 20003)
        match (request.method, *request.path.strip("/").split("/")):
            case ("POST", "v1", "Content"):
                sid = self.keep(await request.json())
                return web.json_response(self.contents[sid], status=201)
            case ("GET", "v2", "Content"):
                name = request.query.get("ContentName", "")
                rows = [each for each in self.contents.values() if name in each["friendly_name"]]
                return web.json_response({"contents": rows, "meta": {"next_page_url": None}})
            case ("GET", "v1", "Content", sid, "ApprovalRequests") if sid in self.contents:
                return web.json_response({"sid": sid, "whatsapp": self.contents[sid]["whatsapp"]})
            case ("POST", "v1", "Content", sid, "ApprovalRequests", "whatsapp") if sid in self.contents:
                asked = await request.json()
                self.contents[sid]["whatsapp"] = {**asked, "status": "received", "rejection_reason": ""}
                return web.json_response(self.contents[sid]["whatsapp"], status=201)
            case ("GET", "2010-04-01", "Accounts", account, "Messages.json") if account == ACCOUNT:
                return web.json_response({"messages": []})
            case ("POST", "2010-04-01", "Accounts", account, "Messages.json") if account == ACCOUNT:
                return self._take({name: str(value) for name, value in (await request.post()).items()})
        return _failed(404, 20404)

    def _take(self, fields: dict[str, str]) -> web.Response:
        to, sid = fields.get("To", ""), fields.get("ContentSid")
        if not to.startswith("whatsapp:+") or not (fields.get("From") or fields.get("MessagingServiceSid")):
            return _failed(400, 21211 if "From" in fields else 21603)
        if sid is not None and sid not in self.contents:
            return _failed(400, 21655)
        if sid is not None and set(json.loads(fields["ContentVariables"])) != set(self.contents[sid]["variables"]):
            return _failed(400, 21656)
        digits = to[-2:]
        if digits in _CODES and to not in self._throttled:
            self._throttled |= {to} if digits == "29" else set()
            return _failed(*_CODES[digits])
        self.messages.append(fields)
        return web.json_response({"sid": f"SM{uuid4().hex}", "status": "queued", "error_code": None}, status=201)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[dict[str, Any], Peer]]:
    """Run the stand-in; yield settings that reach it, and what it holds."""
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", peer.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield settings(f"http://127.0.0.1:{runner.addresses[0][1]}"), peer
    finally:
        await runner.cleanup()


def _failed(status: int, code: int) -> web.Response:
    return web.json_response({"code": code, "message": "Refused", "status": status}, status=status)
