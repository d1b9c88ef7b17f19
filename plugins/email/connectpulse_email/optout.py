"""Answers that ask to stop: a word alone on the first line, perhaps with a please."""

import re
from typing import Final

WORDS: Final = frozenset(
    {
        "stop", "unsubscribe", "unsubscribe me", "remove", "remove me", "opt out", "optout", "no more",
        "take me off your list", "stop sending", "abmelden", "désabonner", "darse de baja",
        "بند", "بند کریں", "روکیں", "ان سبسکرائب", "إلغاء الاشتراك",
    }
)  # fmt: skip
"""Casefolded."""

_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")
_POLITE: Final = re.compile(r"^(?:please|pls|kindly)\s+|\s+(?:please|pls|thanks|thank you)$")


def reads_as_opt_out(text: str, words: frozenset[str]) -> bool:
    """Return whether the first line of `text` is one of `words`, whatever stands around it and below."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    said = _EDGES.sub("", " ".join(first.casefold().split()))
    return bool(said) and (said in words or _EDGES.sub("", _POLITE.sub("", said)) in words)
