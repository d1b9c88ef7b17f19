"""The simulator's control endpoint: whom it tells, what people write, and its record, over HTTP on loopback."""

import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from aiohttp import web

from .errors import Failure, refusal
from .listening import listening, response
from .webhooks import metadata, user_id

if TYPE_CHECKING:
    from .server import CloudApi


class Control:
    """What a test or a demonstration asks the simulator itself."""

    def __init__(self, api: "CloudApi", port: int = 0) -> None:
        self.port = port
        self._api = api
        self._inbound = 0

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        self.port = await self._open.enter_async_context(listening(self._handle, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @property
    def ports(self) -> dict[str, int]:
        """The ports it listens at."""
        return {"port": self._api.port, "control_port": self.port}

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        try:
            asked = json.loads(await request.content.read() or b"{}")
            return web.json_response(await self._answer(request.method, request.path[1:], asked))
        except Failure as failure:
            return response(refusal(failure))
        except (ValueError, KeyError, TypeError) as fault:
            return web.json_response({"error": str(fault)}, status=400)

    async def _answer(self, method: str, place: str, asked: Mapping[str, Any]) -> Any:
        api = self._api
        match method, place:
            case "GET", "healthz":
                return {"status": "ok"}
            case "GET", "ports":
                return self.ports
            case "GET", "record":
                return api.record.summary() | {"waiting": api.webhooks.waiting, "told": api.webhooks.told}
            case "GET", "messages":
                return [json.loads(each) for each in api.record.messages]
            case "GET", _ if place.startswith("record/"):
                return api.record.find(unquote(place.removeprefix("record/")).removeprefix("+"))
            case "POST", "callbacks":
                return {"is_ours": await api.webhooks.handshake(asked["url"])}
            case "POST", "inbound":
                return {"id": self.write(asked["from"], asked["text"], asked.get("to", ""))}
            case "POST", "template":
                api.templates.decide(asked["id"], asked["event"], asked.get("reason", "NONE"))
                return {}
            case "POST", "reset":
                api.record.clear()
                return {}
        raise Failure(33)

    def write(self, sender: str, text: str, to: str = "", **message: Any) -> str:
        """Let a person write to one of our numbers, the first if none is named; return the id of what they wrote.

        `message` replaces the text by another kind.
        """
        api = self._api
        ids = {number: number_id for number_id, number in api.options.numbers.items()}
        number_id = ids[to] if to else next(iter(api.options.numbers))
        self._inbound += 1
        wamid, bare = f"wamid.IN{self._inbound:012d}", sender.removeprefix("+")
        named = {"from": bare} if bare.isdigit() else {}
        told = {
            **named,
            "from_user_id": user_id(bare),
            "id": wamid,
            "timestamp": str(int(time.time())),
            **(message or {"type": "text", "text": {"body": text}}),
        }
        person = {"profile": {"name": "Trial"}, "user_id": user_id(bare)} | ({"wa_id": bare} if named else {})
        value = {
            "messaging_product": "whatsapp",
            "metadata": metadata(api.options, number_id),
            "contacts": [person],
            "messages": [told],
        }
        api.webhooks.tell("messages", value)
        return wamid
