"""The simulator's own record of what it accepted: the other half of every claim about what was sent."""

from collections.abc import Callable
from typing import Any

from ..smpp.inbound import Part, decode, parse_part
from ..smpp.pdu import Message, parse_message


class Record:
    """Every accepted submit_sm, as it came.

    `parts` counts submit_sm, `messages` whole messages however many parts they have, `incomplete` those
    that lack parts. Two parts are the same if source, destination, text and place are: `distinct`
    counts the different ones, `duplicates` the repetitions.
    """

    def __init__(self, alphabet: str, fate: Callable[[bytes], str]) -> None:
        self._alphabet = alphabet
        self._fate = fate
        self._numbers_before = 0
        self._bodies: list[bytes] = []
        self.clear()

    def clear(self) -> None:
        """Forget everything; numbers go on, since receipts of forgotten messages may be under way."""
        self._numbers_before += len(self._bodies)
        self._bodies = []
        self._seen: set[int] = set()
        self._open: dict[tuple[bytes, bytes, int, int], set[int]] = {}
        self._messages = 0
        self.refused: dict[str, int] = {}
        self.states: dict[str, int] = {}

    def add(self, body: bytes, message: Message) -> int:
        """Keep an accepted submit_sm and return its number."""
        part = Part(0, 1, 1, message.text)
        if message.esm_class or message.tlvs:
            part = parse_part(message)
        self._bodies.append(body)
        self._seen.add(hash((message.source, message.destination, part.text, part.number)))
        if part.total == 1 or self._completes(message, part):
            self._messages += 1
            state = self._fate(message.destination)
            self.states[state] = self.states.get(state, 0) + 1
        return self._numbers_before + len(self._bodies)

    def refuse(self, status: str) -> None:
        """Count a submit_sm that was not accepted."""
        self.refused[status] = self.refused.get(status, 0) + 1

    def summary(self) -> dict[str, Any]:
        """Return the counts of parts and messages, states by message and refusals by command_status."""
        return {
            "parts": len(self._bodies),
            "distinct": len(self._seen),
            "duplicates": len(self._bodies) - len(self._seen),
            "messages": self._messages,
            "incomplete": len(self._open),
            "delivered": self.states.get("DELIVRD", 0),
            "undeliverable": self.states.get("UNDELIV", 0),
            "states": self.states,
            "refused": self.refused,
        }

    def find(self, destination: str) -> list[dict[str, Any]]:
        """Return the texts sent to `destination`, with parts that came together joined, and their state."""
        address = destination.removeprefix("+").encode()
        found: dict[tuple[Any, ...], list[tuple[Part, Message]]] = {}
        for number, body in enumerate(self._bodies):
            message = parse_message(body) if address in body else None
            if message and message.destination == address:
                part = parse_part(message)
                alone = number if part.total == 1 else None
                found.setdefault((message.source, part.reference, part.total, alone), []).append((part, message))
        return [self._entry(pieces) for pieces in found.values()]

    def _entry(self, pieces: list[tuple[Part, Message]]) -> dict[str, Any]:
        message = pieces[0][1]
        octets = {part.number: part.text for part, _ in pieces}
        return {
            "from": message.source.decode("latin-1"),
            "text": decode(b"".join(octets[n] for n in sorted(octets)), message.data_coding, self._alphabet),
            "parts": len(pieces),
            "state": self._fate(message.destination),
        }

    def _completes(self, message: Message, part: Part) -> bool:
        key = (message.source, message.destination, part.reference, part.total)
        numbers = self._open.setdefault(key, set())
        numbers.add(part.number)
        if len(numbers) < part.total:
            return False
        del self._open[key]
        return True
