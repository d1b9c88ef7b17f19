"""What people send: texts, pressed buttons, files, places and reactions, each as a text to read in the inbox.

A file is told as `[image] its caption`; it stays at Meta.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectpulse.core.api import Inbound, Stop

from ..buttons import STOP_PAYLOAD
from .reading import address, moment, our_number, part, rows

Message = Mapping[str, Any]
_LONGEST: Final = 4096
_CHANGES: Final = frozenset({"user_changed_number", "user_changed_user_id"})


def inbound(value: Mapping[str, Any]) -> list[Inbound | Stop]:
    """Return what people wrote in one change; those who changed their number are told as such."""
    recipient = our_number(value)
    read = [_read(message, recipient) for message in rows(value, "messages")]
    return [each for each in read if each is not None and each.address and recipient]


def _read(message: Message, recipient: str) -> Inbound | Stop | None:
    sender = address(message.get("from") or message.get("from_user_id"))
    kind = str(message.get("type") or "")
    if kind == "system":
        is_gone = part(message, "system").get("type") in _CHANGES
        return Stop(sender, recipient, "undeliverable") if is_gone else None
    said = _KINDS.get(kind, _unsupported)(message)
    return Inbound(sender, recipient, said[:_LONGEST], str(message.get("id") or ""), moment(message.get("timestamp")))


def _text(message: Message) -> str:
    return str(part(message, "text").get("body") or "")


def _button(message: Message) -> str:
    """Return the label of a template's button; one that stops says so whatever its label is."""
    button = part(message, "button")
    return STOP_PAYLOAD if button.get("payload") == STOP_PAYLOAD else str(button.get("text") or "")


def _interactive(message: Message) -> str:
    answer = part(message, "interactive")
    for kind in ("button_reply", "list_reply"):
        if chosen := part(answer, kind):
            return STOP_PAYLOAD if chosen.get("id") == STOP_PAYLOAD else str(chosen.get("title") or "")
    return _noted("form", str(part(answer, "nfm_reply").get("body") or ""))


def _reaction(message: Message) -> str:
    return str(part(message, "reaction").get("emoji") or "[reaction taken back]")


def _file(message: Message) -> str:
    kind = str(message["type"])
    file = part(message, kind)
    return _noted(kind, str(file.get("caption") or file.get("filename") or ""))


def _place(message: Message) -> str:
    place = part(message, "location")
    words = (place.get("name"), place.get("address"), place.get("latitude"), place.get("longitude"))
    return _noted("location", ", ".join(str(word) for word in words if word is not None and word != ""))


def _contacts(message: Message) -> str:
    names = (str(part(each, "name").get("formatted_name") or "") for each in rows(message, "contacts"))
    return _noted("contact", ", ".join(name for name in names if name))


def _order(message: Message) -> str:
    return _noted("order", str(part(message, "order").get("text") or ""))


def _unsupported(message: Message) -> str:
    return "[a kind of message that WhatsApp does not hand on]"


def _noted(kind: str, words: str) -> str:
    return f"[{kind}] {words}".rstrip()


_KINDS: Final[Mapping[str, Callable[[Message], str]]] = {
    "text": _text,
    "button": _button,
    "interactive": _interactive,
    "reaction": _reaction,
    "location": _place,
    "contacts": _contacts,
    "order": _order,
} | dict.fromkeys(("image", "video", "audio", "document", "sticker"), _file)
