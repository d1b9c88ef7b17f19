"""The simulated Cloud API: an HTTP server on loopback that answers like Meta's and sends nothing on."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import unquote

import orjson
from aiohttp import web

from .control import Control
from .errors import Failure, refusal
from .fates import SERVICE, Fate, by_digits, by_share
from .listening import Answer, Whole, listening, response
from .media import Media
from .options import Options, settings
from .record import Record
from .templates import Templates
from .webhooks import Webhooks

_PAIR_SECONDS: Final = 6.0
_ACCEPTED: Final = '"message_status":"accepted"'
_MESSAGES: Final = ("messages", "marketing_messages")


class _Message(NamedTuple):
    """A message as it was understood: who sends it, what it says, to whom, our caller's token, and its fate."""

    number_id: str
    content: Mapping[str, Any]
    to: str
    token: str
    fate: Fate


class CloudApi:
    """Run it with `async with`; `base_url` is where it listens, `settings` reach it, `control` is asked about it."""

    def __init__(self, options: Options | None = None, port: int = 0, control_port: int = 0) -> None:
        self.options = options or Options()
        self.record = Record()
        self.webhooks = Webhooks(self.options)
        self.templates = Templates(self.options, self.webhooks)
        self.media = Media()
        self.port = port
        self.control = Control(self, control_port)
        share = self.options.undeliverable
        self._fate = by_digits if share is None else by_share(share)
        self._authorization = f"Bearer {self.options.token}"
        self._second: tuple[int, int] = (0, 0)
        self._seen: set[str] = set()
        self._to: defaultdict[str, deque[float]] = defaultdict(deque)

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        await self._open.enter_async_context(self.webhooks)
        self.port = await self._open.enter_async_context(listening(self._handle, self.port, self._at_once))
        await self._open.enter_async_context(self.control)
        self._open.callback(self.templates.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a connection that reaches it."""
        return settings(self.options, self.base_url)

    def _at_once(self, asked: Whole) -> Answer | None:
        """Answer a message that came in one piece and about which nothing is awkward."""
        number_id, edge = _place(asked.path)
        options = self.options
        if asked.method != "POST" or edge not in _MESSAGES or options.is_early:
            return None
        if options.lose_every or options.stall_every or asked.headers.get("authorization") != self._authorization:
            return None
        try:
            message = self._read(asked.body, number_id)
            return None if message.fate.is_lost else self._accept(asked.body, message)[1]
        except Failure as failure:
            return self._refused(failure)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Authorization") != self._authorization:
            return response(refusal(Failure(190, "Invalid OAuth access token.")))
        place, edge = _place(unquote(request.path))
        if edge in _MESSAGES and request.method == "POST":
            return await self._message(request, place)
        try:
            return web.json_response(await self._answer(request, place, edge))
        except Failure as failure:
            return response(refusal(failure))

    async def _answer(self, request: web.BaseRequest, place: str, edge: str) -> Mapping[str, Any]:
        """Answer everything that is not a message."""
        is_get = request.method == "GET"
        if place in self.options.numbers:
            if edge == "media" and not is_get:
                self.record.uploads += 1
                return await self.media.take(request)
            if not edge and is_get:
                return self._number(place)
        if place == self.options.account_id and edge == "message_templates":
            if is_get:
                return self.templates.list(request.query.get("name"))
            return self.templates.submit(await body(request))
        if place in self.templates.known and not edge:
            return self.templates.known[place] if is_get else self.templates.edit(place, await body(request))
        if edge == "uploads" or place.startswith("upload:"):
            return await self.media.resume(request, place)
        raise Failure(33)

    def _number(self, number_id: str) -> dict[str, str]:
        number = self.options.numbers[number_id]
        return {
            "id": number_id,
            "display_phone_number": f"+{number[1:3]} {number[3:6]} {number[6:]}",
            "verified_name": "Trial",
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
        }

    async def _message(self, request: web.BaseRequest, number_id: str) -> web.StreamResponse:
        raw = await request.content.read()
        try:
            message = self._read(raw, number_id)
            number, answer = self._accept(raw, message)
        except Failure as failure:
            return response(self._refused(failure))
        if self.options.is_early:
            await self.webhooks.flush()
        if await self._is_lost(request, message.fate, number):
            return web.Response(status=500)
        return response(answer)

    def _read(self, raw: bytes, number_id: str) -> "_Message":
        """Return a message and what becomes of it; raise Failure if it is none."""
        if number_id not in self.options.numbers:
            raise Failure(33)
        content = parse(raw)
        to = str(content.get("to") or content.get("recipient") or "")
        return _Message(number_id, content, to, str(content.get("biz_opaque_callback_data") or ""), self._fate(to))

    def _accept(self, raw: bytes, message: "_Message") -> tuple[int, Answer]:
        """Take a message over; return its number and the answer. Raise Failure if it is refused."""
        number_id, content, to, token, fate = message
        self._refuse(to, token, content, fate)
        category = self._category(content)
        number = self.record.add(raw, token, fate.name)
        wamid = f"wamid.TRIAL{number_id[-6:]}{number:012d}"
        self.webhooks.accept(wamid, number_id, to, token, fate.billed_as or category, fate)
        contact = f'{{"input":"{to}","wa_id":"{to}"}}'
        answer = (
            f'{{"messaging_product":"whatsapp","contacts":[{contact}],"messages":[{{"id":"{wamid}",{_ACCEPTED}}}]}}'
        )
        return number, Answer(200, answer.encode())

    def _refused(self, failure: Failure) -> Answer:
        self.record.refuse(failure.code)
        return refusal(failure)

    def _refuse(self, to: str, token: str, message: Mapping[str, Any], fate: Fate) -> None:
        """Raise the Failure that awaits a message, if one does."""
        is_whole = isinstance(message.get(str(message.get("type"))), dict)
        if not to or not is_whole or message.get("messaging_product") != "whatsapp":
            raise Failure(131008 if not to else 100)
        if fate.refused:
            raise Failure(int(fate.refused))
        if fate.first and (token or to) not in self._seen:
            self._seen.add(token or to)
            raise Failure(int(fate.first))
        if self.options.most_per_second and self._is_too_fast():
            raise Failure(130429)
        if self.options.pair_limit and self._is_too_much(to):
            raise Failure(131056)

    def _category(self, message: Mapping[str, Any]) -> str:
        self.media.check(message)
        return self.templates.check(message["template"]) if message["type"] == "template" else SERVICE

    def _is_too_fast(self) -> bool:
        now = int(time.monotonic())
        second, count = self._second
        self._second = (now, count + 1 if second == now else 1)
        return self._second[1] > self.options.most_per_second

    def _is_too_much(self, to: str) -> bool:
        sent, now = self._to[to], time.monotonic()
        while sent and now - sent[0] > _PAIR_SECONDS:
            sent.popleft()
        sent.append(now)
        return len(sent) > self.options.pair_limit

    async def _is_lost(self, request: web.BaseRequest, fate: Fate, number: int) -> bool:
        options = self.options
        is_cut = fate.is_lost or (options.lose_every and number % options.lose_every == 0)
        if is_cut and request.transport is not None:
            request.transport.abort()
        elif options.stall_every and number % options.stall_every == 0:
            await asyncio.sleep(3600)
        return bool(is_cut)


def _place(path: str) -> tuple[str, str]:
    """Return the object and the edge that a path names, below the version of the interface."""
    place, _, edge = path[1:].partition("/")[2].partition("/")
    return place, edge


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object of a body; raise Failure if it is none."""
    try:
        found = orjson.loads(raw)
    except ValueError:
        raise Failure(100, "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Failure(100, "The body is no object.")
    return found


async def body(request: web.BaseRequest) -> dict[str, Any]:
    """Return the object of a request."""
    return parse(await request.content.read())
