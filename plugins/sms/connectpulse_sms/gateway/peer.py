"""A small gateway that speaks Kannel's dialect on loopback, for trials and tests: nothing is sent on.

It takes messages like Kannel's smsbox, answers in its words, and calls the delivery address of each
message back: handed to the network (8), then delivered (1), or failed (2) for numbers ending in 99.
Numbers ending in 00 are on its black list.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, web

from .presets import KANNEL

USERNAME: Final = "pulse"
PASSWORD: Final = "trial"  # noqa: S105 - of a gateway that leads nowhere
_SENDSMS = "/cgi-bin/sendsms"
_ESCAPE = re.compile(r"%([a-zA-Z])")


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


@asynccontextmanager
async def kannel() -> AsyncIterator[dict[str, Any]]:
    """Run the gateway; yield settings that reach it."""
    async with ClientSession() as session, asyncio.TaskGroup() as calls:
        peer = Peer(session, calls)
        app = web.Application()
        app.router.add_get(_SENDSMS, peer.take)
        async with serving(app) as address:
            yield settings(address)
            peer.stop()


def settings(address: str) -> dict[str, Any]:
    """Return the settings of a connection to the gateway at `address`."""
    account = {"username": USERNAME, "password": PASSWORD, "callback_token": "trial-callback-token"}
    return {**KANNEL, **account, "base_url": address, "countries": "PK"}


class Peer:
    """The gateway's one page, and the calls it still owes."""

    def __init__(self, session: ClientSession, calls: asyncio.TaskGroup) -> None:
        self._session = session
        self._calls = calls
        self._owed: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Forget the calls that were not made yet."""
        for task in self._owed:
            task.cancel()

    async def take(self, request: web.Request) -> web.Response:
        """Answer like Kannel's smsbox does."""
        query = request.query
        if (query.get("username"), query.get("password")) != (USERNAME, PASSWORD):
            return web.Response(status=403, text="Authorization failed for sendsms")
        if "to" not in query:
            return web.Response(status=400, text="Missing receiver number, rejected")
        if query["to"].endswith("00"):
            refusal = "Number(s) has/have been denied by white- and/or black-lists."
            return web.Response(status=400, text=refusal)
        if query.get("dlr-url"):
            task = self._calls.create_task(self._report(query["dlr-url"], query["to"]))
            self._owed.add(task)
            task.add_done_callback(self._owed.discard)
        return web.Response(status=202, text="0: Accepted for delivery")

    async def _report(self, address: str, number: str) -> None:
        for state in ("8", "2" if number.endswith("99") else "1"):
            error = "err:001" if state == "2" else "err:000"
            facts = {"d": state, "p": number, "T": str(int(time.time())), "A": error}
            try:
                async with self._session.get(_fill(address, facts)) as answer:
                    await answer.read()
            except ClientError:
                return


def _fill(address: str, facts: dict[str, str]) -> str:
    """Return a delivery address with Kannel's escapes, like %d, replaced."""
    return _ESCAPE.sub(lambda escape: quote(facts.get(escape[1], ""), safe=""), address)
