"""A request for one letter, and answers that prove nothing."""

from collections.abc import Mapping
from typing import NamedTuple

from connectpulse.core.api import Reply, Unknown


class Ask(NamedTuple):
    """A request: `path` is encoded and begins with a slash."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


def unproven(reply: Reply) -> Unknown | None:
    """Return Unknown for an answer that proves neither that a letter was taken nor that it was refused."""
    if reply.status >= 500:
        return Unknown("provider_failed", str(reply.status))
    if 300 <= reply.status < 400:
        return Unknown("redirected", str(reply.status))
    return None
