"""A small SES with its SNS on loopback, for trials and tests: it takes letters, reports on them, and sends none.

Envelopes are signed like those of SNS, by a certificate of its own. `fates` decides by the last two digits before
the @; 29 is throttled once. Letters from the domain unverified.example are refused, and those to sandbox.example.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, Final
from uuid import uuid4

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from ..fates import fate
from ..hosted.calling import Calls, application, calling, said, serving
from .events import REFERENCE

KEY_ID: Final = "AKIATRIALTRIALTRIAL0"
SECRET: Final = "trial/secret+of/nobody"  # noqa: S105 - of an account that leads nowhere
REGION: Final = "eu-central-1"
TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:letters"
CERTIFICATE_URL: Final = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem"
HEADERS: Final = {"Content-Type": "text/plain; charset=UTF-8"}
_BOUNCES: Final = {"5.1.1": ("Permanent", "General"), "5.2.2": ("Transient", "MailboxFull")}


@asynccontextmanager
async def ses() -> AsyncIterator[dict[str, Any]]:
    """Run the stand-in; yield settings that reach it."""
    async with running() as (settings, _):
        yield settings


@asynccontextmanager
async def running(events_to: str = "") -> AsyncIterator[tuple[dict[str, Any], "Peer"]]:
    """Run the stand-in; yield settings that reach it, and what it holds. Events are posted to `events_to`."""
    async with calling() as calls:
        peer = Peer(calls, events_to)
        app = application()
        app.router.add_get("/v2/email/account", peer.show_account)
        app.router.add_post("/v2/email/outbound-emails", peer.take)
        async with serving(app) as address:
            yield settings(address), peer


def settings(address: str = "") -> dict[str, Any]:
    """Return the settings of a connection to the stand-in at `address`, or to Amazon's own."""
    return {
        "region": REGION,
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "configuration_set": "letters",
        "topic_arn": TOPIC,
        "base_url": address,
        "countries": "DE",
    }


class Peer:
    """The stand-in's pages."""

    def __init__(self, calls: Calls, events_to: str) -> None:
        self.letters: list[dict[str, Any]] = []
        self.account: dict[str, Any] = {
            "SendingEnabled": True,
            "ProductionAccessEnabled": True,
            "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 12.0},
        }
        self.calls = calls
        self._events_to = events_to
        self._throttled: set[str] = set()

    async def show_account(self, request: web.Request) -> web.Response:
        """Answer what the account may send."""
        return _stranger(request) or said(self.account)

    async def take(self, request: web.Request) -> web.Response:
        """Take a letter like SES does."""
        if refusal := _stranger(request):
            return refusal
        letter = await request.json()
        (to,) = letter["Destination"]["ToAddresses"]
        sender = parseaddr(message_from_bytes(base64.b64decode(letter["Content"]["Raw"]["Data"]))["From"])[1]
        for address, domain in ((sender, "unverified.example"), (to, "sandbox.example")):
            if address.endswith(f"@{domain}"):
                words = "Email address is not verified. The following identities failed the check in region"
                return _failed(400, "MessageRejected", f"{words} {REGION.upper()}: {address}")
        if to.partition("@")[0].endswith("29") and to not in self._throttled:
            self._throttled.add(to)
            return _failed(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
        self.letters.append(letter)
        if self._events_to:
            self.calls.owe(self._report(to, letter["EmailTags"]))
        return said({"MessageId": uuid4().hex})

    async def _report(self, to: str, tags: list[dict[str, str]]) -> None:
        named = {each["Name"]: [each["Value"]] for each in tags}
        for told in _told(to):
            await self.calls.post(self._events_to, *posted(enveloped(event(to, named, **told))))


def _told(to: str) -> list[dict[str, Any]]:
    found = fate(to)
    status = found.bounce or (found.reply or found.end).partition(" ")[2][:5]
    kinds: list[dict[str, Any]] = [{"eventType": "Send", "send": {}}]
    if found.end:
        kinds.append({"eventType": "Reject", "reject": {"reason": "Bad content"}})
    elif status:
        kind, subtype = _BOUNCES[status]
        hit = [{"emailAddress": to, "status": status}]
        kinds.append({
            "eventType": "Bounce", "bounce": {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": hit},
        })  # fmt: skip
    elif not found.is_silent:
        kinds.append({"eventType": "Delivery", "delivery": {"recipients": [to]}})
    if found.complains:
        kinds.append({"eventType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": to}]}})
    return kinds


def event(to: str, tags: Mapping[str, Any] | str, **facts: Any) -> dict[str, Any]:
    """Return an event as SES publishes it; `tags` may be just our name of the letter."""
    named = {REFERENCE: [tags]} if isinstance(tags, str) else dict(tags)
    mail = {"timestamp": "2026-01-02T00:00:00.000Z", "messageId": uuid4().hex, "destination": [to], "tags": named}
    return {**facts, "mail": mail}


def enveloped(message: Mapping[str, Any] | str, version: str = "2", **changes: Any) -> dict[str, Any]:
    """Return an envelope of SNS around an event, signed after `changes`; None as a change leaves a field out."""
    envelope: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": _stamp(),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **changes,
    }
    return signed({name: value for name, value in envelope.items() if value is not None})


def asking(address: str, **changes: Any) -> dict[str, Any]:
    """Return the envelope by which SNS asks to confirm a subscription at `address`."""
    more = {"Type": "SubscriptionConfirmation", "Token": "t0", "SubscribeURL": address}
    return enveloped("You have chosen to subscribe to the topic.", **{**more, **changes})


def signed(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope with its signature, as Amazon describes it."""
    order = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{envelope[name]}\n" for name in order if name in envelope)
    algorithm = SHA1() if envelope["SignatureVersion"] == "1" else SHA256()  # noqa: S303 - the topics' default
    signature = _key().sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**envelope, "Signature": base64.b64encode(signature).decode()}


def posted(envelope: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request of SNS."""
    return json.dumps(envelope).encode(), dict(HEADERS)


@lru_cache(maxsize=4)
def certificate(name: str = "sns.amazonaws.com", age: int = 0) -> bytes:
    """Return a certificate for the stand-in's key, in PEM, `age` days old and good for 30."""
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) - timedelta(days=age, minutes=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=30))
        .sign(_key(), SHA256())
    )
    return made.public_bytes(Encoding.PEM)


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stranger(request: web.Request) -> web.Response | None:
    given = request.headers.get("Authorization", "")
    if given.startswith("AWS4-HMAC-SHA256 ") and f"Credential={KEY_ID}/" in given and f"/{REGION}/ses/" in given:
        return None
    return _failed(403, "UnrecognizedClientException", "The security token included in the request is invalid.")


def _failed(status: int, kind: str, message: str) -> web.Response:
    return said({"message": message}, status, **{"x-amzn-ErrorType": kind})
