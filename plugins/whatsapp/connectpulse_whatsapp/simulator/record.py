"""The simulator's own record of what it accepted: the other half of every claim about what was sent."""

import json
from typing import Any


class Record:
    """Every accepted message. Those of one token are one message: `duplicates` counts the repetitions."""

    def __init__(self) -> None:
        self._numbers_before = 0
        self.messages: list[bytes] = []
        self.clear()

    def clear(self) -> None:
        """Forget everything; numbers go on, since no two messages ever have one id."""
        self._numbers_before += len(self.messages)
        self.messages = []
        self.refused: dict[str, int] = {}
        self.states: dict[str, int] = {}
        self.uploads = 0
        self._tokens: set[str] = set()
        self._nameless = 0

    def add(self, body: bytes, token: str, fate: str) -> int:
        """Keep an accepted message and return its number."""
        self.messages.append(body)
        if token:
            self._tokens.add(token.partition(".")[0])
        else:
            self._nameless += 1
        self.states[fate] = self.states.get(fate, 0) + 1
        return self._numbers_before + len(self.messages)

    def refuse(self, code: int) -> None:
        """Count a message that was not accepted."""
        self.refused[str(code)] = self.refused.get(str(code), 0) + 1

    def find(self, to: str) -> list[dict[str, Any]]:
        """Return the messages to a recipient."""
        found = [json.loads(body) for body in self.messages if to.encode() in body]
        return [each for each in found if to in (each.get("to"), each.get("recipient"))]

    def summary(self) -> dict[str, Any]:
        """Return the counts, fates by message and refusals by code."""
        distinct = len(self._tokens) + self._nameless
        return {
            "messages": len(self.messages),
            "distinct": distinct,
            "duplicates": len(self.messages) - distinct,
            "delivered": self.states.get("delivered", 0) + self.states.get("read", 0),
            "undeliverable": self.states.get("failed", 0),
            "incomplete": 0,
            "states": self.states,
            "refused": self.refused,
            "uploads": self.uploads,
        }
