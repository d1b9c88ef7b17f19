"""What is put on the wire for a message: made once per content, and filled for each recipient.

Source: Cloud API, messages and marketing_messages, v23.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from connectpulse.core.api import Submission, files

from ..buttons import CODE, STOP, STOP_PAYLOAD, Button
from ..content import Written, read
from ..form import MEDIA, NAMED

_COMMON: Final = {"messaging_product": "whatsapp", "recipient_type": "individual"}
_LINKS: Final = ("http://", "https://")


class Draft:
    """A content ready to be filled: `written`, and the file its header shows (None where it shows none)."""

    def __init__(self, content: Mapping[str, Any], file: files.StoredFile | None = None) -> None:
        self.written: Written = read(content)
        self.file = file
        slots = {"header": self.written.slots(self.written.header_text), "body": self.written.slots(self.written.body)}
        self._is_named = self.written.variables == NAMED
        self._names = {part: [slot.name for slot in each] for part, each in slots.items()}
        self._head: Final[dict[str, Any]] = {
            "name": self.written.name,
            "language": {"policy": "deterministic", "code": self.written.language},
        }
        self._same = [
            _fixed(index, button)
            for index, button in enumerate(self.written.buttons)
            if button.kind in (STOP, CODE) and not self.written.is_code
        ]

    @property
    def is_whole(self) -> bool:
        """Whether the file is there that the content needs."""
        return self.written.header not in MEDIA or self.file is not None

    def body(self, submission: Submission, media_id: str) -> dict[str, Any]:
        """Return the request for one recipient; `media_id` is the file's name at Meta, empty for none."""
        message = {**_COMMON, **recipient(submission.address)}
        if self.written.is_template:
            return message | {"type": "template", "template": self._template(submission.extra or {}, media_id)}
        return message | self._answer(submission.body, media_id)

    def _template(self, extra: Mapping[str, Any], media_id: str) -> dict[str, Any]:
        components = self._components(extra, media_id)
        return {**self._head, "components": components} if components else self._head

    def _components(self, extra: Mapping[str, Any], media_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if media_id:
            kind = self.written.header
            found.append({"type": "header", "parameters": [{"type": kind, kind: self._media(media_id)}]})
        found += [
            {"type": part, "parameters": self._texts(part, extra[part])}
            for part in ("header", "body")
            if extra.get(part)
        ]
        if self.written.is_code:
            found.append(_button("url", 0, {"type": "text", "text": extra["body"][0]}))
        if links := extra.get("buttons"):
            found += [_button("url", int(index), {"type": "text", "text": text}) for index, text in links.items()]
        return found + self._same

    def _texts(self, part: str, texts: Sequence[str]) -> list[dict[str, str]]:
        names = self._names[part]
        if len(texts) != len(names):
            raise ValueError("There are more or fewer values than placeholders.")
        if not self._is_named:
            return [{"type": "text", "text": text} for text in texts]
        return [{"type": "text", "parameter_name": name, "text": text} for name, text in zip(names, texts, strict=True)]

    def _media(self, media_id: str, caption: str = "") -> dict[str, str]:
        media = {"id": media_id}
        if self.written.header == "document" and self.file is not None:
            media["filename"] = self.file.name
        return media | ({"caption": caption} if caption else {})

    def _answer(self, text: str, media_id: str) -> dict[str, Any]:
        kind = self.written.header
        if self.written.buttons:
            return {"type": "interactive", "interactive": self._interactive(text, media_id)}
        if media_id:
            return {"type": kind, kind: self._media(media_id, text)}
        return {"type": "text", "text": {"body": text, "preview_url": any(link in text for link in _LINKS)}}

    def _interactive(self, text: str, media_id: str) -> dict[str, Any]:
        kind = self.written.header
        made: dict[str, Any] = {"type": "button", "body": {"text": text}}
        if media_id:
            made["header"] = {"type": kind, kind: self._media(media_id)}
        if self.written.footer:
            made["footer"] = {"text": self.written.footer}
        replies = [
            {"id": STOP_PAYLOAD if button.kind == STOP else f"reply-{index}", "title": button.label}
            for index, button in enumerate(self.written.buttons)
        ]
        made["action"] = {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
        return made


def recipient(address: str) -> dict[str, str]:
    """Return the field that names a person: a phone number in digits, or a business-scoped user id as it is."""
    return {"to": address[1:]} if address.startswith("+") else {"recipient": address}


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the bytes of a request; raise TypeError for a text that is none."""
    return orjson.dumps(message)


def _fixed(index: int, button: Button) -> dict[str, Any]:
    """Return a button that is the same for everybody: one that stops messages, or a code to copy."""
    if button.kind == CODE:
        return _button("copy_code", index, {"type": "coupon_code", "coupon_code": button.base})
    return _button("quick_reply", index, {"type": "payload", "payload": STOP_PAYLOAD})


def _button(kind: str, index: int, parameter: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}
