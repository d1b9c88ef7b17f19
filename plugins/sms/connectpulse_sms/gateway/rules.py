"""Everything that can be wrong with a gateway's settings, found when they are saved."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectpulse.core.api import Refused, tls_context

from .call import base_url, send_call
from .login import LoginRules
from .numbering import Numbering
from .questions import Lookup, Ping
from .receipts import CallbackMap
from .values import callback_pattern
from .verdict import Judge

Settings = Mapping[str, Any]


def faults(settings: Settings) -> list[str]:
    """Return one sentence per fault of complete `settings`, each once."""
    found: dict[str, None] = {}
    for build in _PARTS:
        try:
            build(settings)
        except Refused as refused:
            found |= dict.fromkeys(refused.problems)
    return list(found)


def _certificates(settings: Settings) -> None:
    tls_context(settings["certificates"] or "")


def _session_is_used(settings: Settings) -> None:
    if settings["auth"] != "login":
        return
    if "session" not in send_call(settings).names:
        raise Refused("Message: {session} must occur in the request, or the login is in vain.")


def _callback_has_secret(settings: Settings) -> None:
    if not settings["callback_token"] and "callback_url" in send_call(settings).names:
        raise Refused("Secret of the callback address: {callback_url} is used, so please fill this in.")


_PARTS: Final[tuple[Callable[[Settings], object], ...]] = (
    base_url,
    send_call,
    LoginRules.of,
    Ping.of,
    Lookup.of,
    Judge.of,
    Numbering.of,
    CallbackMap.of,
    callback_pattern,
    _certificates,
    _session_is_used,
    _callback_has_secret,
)
