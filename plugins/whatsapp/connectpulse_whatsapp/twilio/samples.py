"""What the conformance kit tries the provider with: a Twilio on loopback, and what it would call back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectpulse.core.api import (
    Callback,
    ErrorClass,
    Inbound,
    MessageState,
    Receipt,
    Samples,
    Submission,
    signed_forms,
)

from ..content import read
from . import account
from .content_types import content

_URL: Final = "https://pulse.example.com/callbacks/7/trial"
_TO: Final = "+923217654321"
_NUMBER: Final = "+15005550006"
_TEMPLATE: Final = {"body": "Hello, our new collection has arrived.", "footer": "STOP ends this"}


@asynccontextmanager
async def twilio() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in with one approved template; yield settings that reach it."""
    from . import peer  # aiohttp's server is wanted by tests only

    async with peer.running() as (settings, running):
        running.keep(content(read(_TEMPLATE)), "approved")
        yield settings


def samples() -> Samples:
    """Return the samples."""
    return Samples(
        settings=account.settings(),
        peer=twilio,
        callbacks=(
            (
                called(_URL + "?pulse=1f.1", MessageSid="SM1", MessageStatus="read", To=f"whatsapp:{_TO}"),
                [Receipt("SM1", MessageState.READ, address=_TO, token="1f")],  # noqa: S106 - names a message
            ),
            (
                called(MessageSid="SM2", MessageStatus="undelivered", To=f"whatsapp:{_TO}", ErrorCode="63024"),
                [Receipt("SM2", MessageState.UNDELIVERABLE, "63024", "not_on_whatsapp", address=_TO)],
            ),
            (written(Body="روکیں", ButtonText="روکیں", ButtonPayload="STOP"), [Inbound(_TO, _NUMBER, "STOP", "SM3")]),
            (
                written(Body="This one", MediaContentType0="image/jpeg"),
                [Inbound(_TO, _NUMBER, "[image] This one", "SM3")],
            ),
        ),
        forged=(_forged(),),
        submissions=(submission(1, _TO), submission(2, "+923217654322", {"kind": "text", "body": "سلام 🌙"})),
        refused=(
            (submission(3, "+923001234524"), ErrorClass.RECIPIENT),
            (submission(4, "+923001234516"), ErrorClass.CONTENT),
            (submission(5, "+923001234529"), ErrorClass.THROTTLE),
            (submission(6, "PK.13491208655302741918"), ErrorClass.RECIPIENT),
        ),
    )


def submission(number: int, address: str, given: Mapping[str, Any] = _TEMPLATE, **more: Any) -> Submission:
    """Return a message to `address`."""
    shared = {"content": given}
    text = str(given["body"])
    return Submission(number, address, _NUMBER, text, 1, timedelta(hours=4), f"{number:x}", shared=shared, **more)


def called(url: str = _URL, **fields: str) -> Callback:
    """Return a callback to `url` that posts `fields`, signed."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signed_forms.sign(account.TOKEN, url, fields.items()),
    }
    return Callback("POST", url, headers, tuple(parse_qsl(urlsplit(url).query)), urlencode(fields).encode())


def written(**fields: str) -> Callback:
    """Return a callback of a person who writes."""
    return called(MessageSid="SM3", From=f"whatsapp:{_TO}", To=f"whatsapp:{_NUMBER}", **fields)


def _forged() -> Callback:
    """Return a callback whose status was changed after it was signed."""
    genuine = called(MessageSid="SM1", MessageStatus="failed")
    return Callback(
        "POST", _URL, genuine.headers, (), urlencode({"MessageSid": "SM1", "MessageStatus": "read"}).encode()
    )
