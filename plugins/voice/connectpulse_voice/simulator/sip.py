"""Just enough SIP (RFC 3261) to be called over UDP: messages as text, and digest authentication."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(r"^([^:\s]+)\s*:\s*(.*)$")
_SHORT: Final = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}
_PAIR: Final = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_USER: Final = re.compile(r"sips?:([^@;>]+)@")
REALM: Final = "callees"


@dataclass(frozen=True, slots=True)
class Message:
    """A request (`method`) or an answer (`status`); headers in order, their names in small letters."""

    method: str = ""
    uri: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = field(default=())
    body: str = ""

    def header(self, name: str) -> str:
        """Return the first header of a name, empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def user(self) -> str:
        """Return the user part of the request's URI: the number that is called."""
        found = _USER.search(self.uri)
        return found.group(1) if found else ""


def parse(packet: bytes) -> Message | None:
    """Return a message, None where the packet is none (keep-alive packets are not)."""
    head, _, body = packet.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = []
    for line in lines:
        if found := _LINE.match(line):
            name = found.group(1).lower()
            headers.append((_SHORT.get(name, name), found.group(2).strip()))
    words = first.split(" ", 2)
    if len(words) < 3 or not headers:
        return None
    if words[0] == "SIP/2.0":
        return Message(status=int(words[1]) if words[1].isdigit() else 0, headers=tuple(headers), body=body)
    return Message(words[0], words[1], headers=tuple(headers), body=body)


def answer(
    request: Message, status: int, phrase: str, *, tag: str = "", more: tuple[str, ...] = (), body: str = ""
) -> bytes:
    """Return the answer to a request; `tag` marks our side of the dialogue."""
    lines = [f"SIP/2.0 {status} {phrase}"]
    for name, value in request.headers:
        if name in ("via", "record-route", "from", "call-id", "cseq"):
            lines.append(f"{name.title()}: {value}")
        elif name == "to":
            lines.append(f"To: {value}" if ";tag=" in value or not tag else f"To: {value};tag={tag}")
    lines += [*more, f"Content-Length: {len(body.encode())}", "", body]
    return "\r\n".join(lines).encode()


def bye(invite: Message, tag: str, ours: str) -> bytes:
    """Return the request by which the called side hangs up."""
    contact = re.search(r"<([^>]+)>", invite.header("contact"))
    target = contact.group(1) if contact else invite.header("contact").partition(";")[0]
    lines = (
        f"BYE {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        f"From: {invite.header('to').partition(';tag=')[0]};tag={tag}",
        f"To: {invite.header('from')}",
        f"Call-ID: {invite.header('call-id')}",
        "CSeq: 1 BYE",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def proves(request: Message, user: str, password: str, nonce: str) -> bool:
    """Return whether a request carries the digest (RFC 2617, with or without qop) of an account for `nonce`."""
    said = request.header("authorization") or request.header("proxy-authorization")
    told = {name: quoted or plain for name, quoted, plain in _PAIR.findall(said)}
    if told.get("username") != user or told.get("nonce") != nonce:
        return False
    secret = _md5(f"{user}:{REALM}:{password}")
    asked = _md5(f"{request.method}:{told.get('uri', '')}")
    middle = f"{nonce}:{told['nc']}:{told['cnonce']}:{told['qop']}" if "qop" in told else nonce
    return told.get("response") == _md5(f"{secret}:{middle}:{asked}")


def challenge(nonce: str) -> str:
    """Return the header that asks for a digest."""
    return f'WWW-Authenticate: Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
