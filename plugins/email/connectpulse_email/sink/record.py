"""The sink's own record of what it took: the other half of every claim about what was sent."""

import re
from collections import Counter, deque
from email import message_from_bytes, policy
from typing import Any, Final, NamedTuple

_NAME: Final = re.compile(rb"^Message-ID:[ \t]*(?:\r\n[ \t]+)?(\S+)", re.MULTILINE | re.IGNORECASE)
_HEAD: Final = 16_384


class Taken(NamedTuple):
    """A letter as it came, with its envelope."""

    sender: str
    recipient: str
    content: bytes


class Record:
    """Every letter that was taken. Two are the same if recipient and Message-ID are."""

    def __init__(self, kept: int) -> None:
        self._kept: deque[Taken] = deque(maxlen=kept)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._seen: set[int] = set()
        self._letters = self._bytes = self._bounced = 0
        self.refused: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()

    def add(self, taken: Taken, *, is_bounced: bool = False) -> None:
        """Keep a letter; one that `is_bounced` is reported as undeliverable later."""
        name = _NAME.search(taken.content, 0, _HEAD)
        self._letters += 1
        self._bounced += is_bounced
        self._bytes += len(taken.content)
        self._seen.add(hash((taken.recipient, name[1] if name else self._letters)))
        self._kept.append(taken)

    def summary(self) -> dict[str, Any]:
        """Return the counts: letters taken, what becomes of them, refusals by code, reports by kind."""
        return {
            "messages": self._letters,
            "delivered": self._letters - self._bounced,
            "undeliverable": self._bounced,
            "duplicates": self._letters - len(self._seen),
            "incomplete": 0,
            "bytes": self._bytes,
            "refused": dict(self.refused),
            "reported": dict(self.reported),
        }

    def find(self, recipient: str) -> list[dict[str, Any]]:
        """Return the letters to an address that are still kept: envelope, headers and texts."""
        return [_shown(each) for each in self._kept if each.recipient == recipient]

    def last(self) -> Taken | None:
        """Return the latest letter."""
        return self._kept[-1] if self._kept else None


def _shown(taken: Taken) -> dict[str, Any]:
    mail = message_from_bytes(taken.content, policy=policy.default)
    found: dict[str, Any] = {"return_path": taken.sender, "headers": {name: str(text) for name, text in mail.items()}}
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        found[kind] = part.get_content() if part is not None else ""
    return found
