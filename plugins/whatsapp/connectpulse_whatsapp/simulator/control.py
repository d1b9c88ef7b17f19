"""The simulator's control endpoints, below /control/: whom it tells, what people write, and its record."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .errors import Failure, refusal
from .webhooks import metadata, user_id

if TYPE_CHECKING:
    from .server import CloudApi


class Control:
    """What a test or a demonstration asks the simulator itself."""

    def __init__(self, api: "CloudApi") -> None:
        self._api = api
        self._inbound = 0

    async def answer(self, request: web.BaseRequest, place: str) -> web.Response:
        """Answer `GET healthz`, `GET record`, `GET messages`, `POST callback|inbound|template|reset`."""
        try:
            asked = json.loads(await request.content.read() or b"{}")
            return web.json_response(await self._answer(request.method, place, asked))
        except Failure as failure:
            return refusal(failure)
        except (ValueError, KeyError, TypeError) as fault:
            return web.json_response({"error": str(fault)}, status=400)

    async def _answer(self, method: str, place: str, asked: Mapping[str, Any]) -> Any:
        api = self._api
        match method, place:
            case "GET", "healthz":
                return {"status": "ok"}
            case "GET", "record":
                return api.record.summary() | {"waiting": api.webhooks.waiting, "told": api.webhooks.told}
            case "GET", "messages":
                return [json.loads(each) for each in api.record.messages]
            case "POST", "callback":
                return {"is_ours": await api.webhooks.handshake(asked["url"])}
            case "POST", "inbound":
                return {"id": self.write(asked["from"], asked["text"], asked.get("number_id", ""))}
            case "POST", "template":
                api.templates.decide(asked["id"], asked["event"], asked.get("reason", "NONE"))
                return {}
            case "POST", "reset":
                api.record.clear()
                return {}
        raise Failure(33)

    def write(self, sender: str, text: str, number_id: str = "", **message: Any) -> str:
        """Let a person write to one of our numbers; `message` replaces the text by another kind. Return its id."""
        api = self._api
        self._inbound += 1
        wamid, bare = f"wamid.TRIALIN{self._inbound:012d}", sender.removeprefix("+")
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
            "metadata": metadata(api.options, number_id or next(iter(api.options.numbers))),
            "contacts": [person],
            "messages": [told],
        }
        api.webhooks.tell("messages", value)
        return wamid
