"""Letters that samples of hosted providers are made of."""

from datetime import timedelta
from typing import Any, Final

from connectpulse.core.api import Callback, Submission

SENDER: Final = "Acme News <news@acme.example>"
CALLED_AT: Final = "https://pulse.example.com/callbacks/7/trial"
_ENGLISH: Final = {"subject": "Hello", "html": "<p>Your order {{ order }} has been sent.</p>"}
_URDU: Final = {"subject": "آپ کا آرڈر", "html": '<p dir="rtl">آپ کا آرڈر بھیج دیا گیا ہے۔</p>'}


def letter(number: int, name: str, *, is_urdu: bool = False, sender: str = SENDER) -> Submission:
    """Return a letter to `name` at example.com."""
    content = _URDU if is_urdu else _ENGLISH
    shared: dict[str, Any] = {"content": content, "sender": sender, "organisation": 1, "keys": ()}
    return Submission(
        number, f"{name}@example.com", sender, content["subject"], 1, timedelta(hours=4), f"sample-{number}",
        "promotional", {"values": {"order": "A & B"}}, shared, "https://pulse.example.org/stop/1",
    )  # fmt: skip


def posted(body: bytes, headers: dict[str, str]) -> Callback:
    """Return a request to a connection's callback address."""
    return Callback("POST", CALLED_AT, headers, (), body)
