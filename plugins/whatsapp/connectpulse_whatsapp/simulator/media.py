"""Files at the simulator: uploaded in one form, or in pieces for the examples of templates."""

from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from hashlib import sha256
from typing import Any, Final

from aiohttp import web

from .errors import Failure

_HEADERS: Final = ("image", "video", "document")


class Media:
    """The files that were handed over, by id, as their digests."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    async def take(self, request: web.BaseRequest) -> dict[str, str]:
        """Take a file of a multipart form."""
        kind = request.headers.get("Content-Type", "")
        raw = f"Content-Type: {kind}\r\n\r\n".encode() + await request.content.read()
        form = BytesParser(policy=HTTP).parsebytes(raw)
        parts = {
            part.get_param("name", header="content-disposition"): bytes(part.get_payload(decode=True) or b"")
            for part in (form.iter_parts() if form.is_multipart() else ())
        }
        if not parts.get("file") or parts.get("messaging_product") != b"whatsapp":
            raise Failure(100, "A file and messaging_product are needed.")
        return {"id": self._keep(parts["file"])}

    async def resume(self, request: web.BaseRequest, place: str) -> dict[str, str]:
        """Begin an upload in pieces, or take its one piece and return its handle (Resumable Upload API)."""
        if not place.startswith("upload:"):
            return {"id": f"upload:TRIAL{len(self.known)}"}
        return {"h": f"4::{self._keep(await request.content.read())}"}

    def check(self, message: Mapping[str, Any]) -> None:
        """Raise Failure if a message shows a file that is not here."""
        if any(name not in self.known for name in _named(message)):
            raise Failure(131053)

    def _keep(self, content: bytes) -> str:
        name = str(4_490_709_327_384_033 + len(self.known))
        self.known[name] = sha256(content).hexdigest()
        return name


def _named(message: Mapping[str, Any]) -> Iterator[str]:
    """Return the ids of the files a message shows."""
    kind = message["type"]
    if kind == "template":
        for component in message["template"].get("components") or ():
            if component.get("type") == "header":
                shown = [parameter.get(parameter["type"]) for parameter in component["parameters"]]
                yield from (str(each["id"]) for each in shown if isinstance(each, dict) and "id" in each)
    elif kind in _HEADERS and "id" in message[kind]:
        yield str(message[kind]["id"])
