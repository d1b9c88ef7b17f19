"""How Amazon SNS proves that a request is its own: RSA over chosen fields, by a certificate that it publishes.

The certificate comes over TLS from the host of the topic's own region; which region that is, the settings say.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from connectpulse.core.api import Callback

from .settings import host_of_topic

NOTIFICATION: Final = "Notification"
CONFIRMATION: Final = "SubscriptionConfirmation"
OLDEST: Final = timedelta(hours=25)
"""SNS repeats what was not answered. An event that comes twice changes nothing."""
AHEAD: Final = timedelta(minutes=5)

_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Final[Mapping[str, type[HashAlgorithm]]] = {"1": SHA1, "2": SHA256}
_PEM: Final = re.compile(r"/[A-Za-z0-9_-]{1,200}\.pem")
_PLAIN: Final = re.compile(r"https://[\x21-\x5b\x5d-\x7e]{1,2000}")
_HEAD: Final = "text/plain"
_NAME: Final = "sns.amazonaws.com"


def read(callback: Callback) -> dict[str, Any]:
    """Return the envelope of a request, an empty one where it is none."""
    try:
        found = json.loads(callback.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def certificate_address(callback: Callback, topic_arn: str) -> str:
    """Return where the certificate lies, empty if it is not where SNS keeps its own."""
    envelope, host = read(callback), host_of_topic(topic_arn)
    if not host or envelope.get("TopicArn") != topic_arn:
        return ""
    return _at(envelope.get("SigningCertURL"), host, _PEM)


def subscribe_address(callback: Callback, topic_arn: str) -> str:
    """Return the address that confirms a subscription to the topic, empty if the request asks for none."""
    envelope, host = read(callback), host_of_topic(topic_arn)
    if not host or envelope.get("Type") != CONFIRMATION:
        return ""
    return _at(envelope.get("SubscribeURL"), host, re.compile("/"))


def is_genuine(callback: Callback, topic_arn: str) -> bool:
    """Return whether SNS signed the request lately for this topic; `callback.proof` is its certificate."""
    kind = next((value for name, value in callback.headers.items() if name.lower() == "content-type"), "")
    if not callback.proof or not certificate_address(callback, topic_arn) or not kind.lower().startswith(_HEAD):
        return False
    envelope = read(callback)
    fields, algorithm = _SIGNED.get(str(envelope.get("Type"))), _HASHES.get(str(envelope.get("SignatureVersion")))
    if fields is None or algorithm is None or not _is_recent(envelope.get("Timestamp")):
        return False
    signed = _text(envelope, fields)
    return signed is not None and _is_signed(callback.proof, signed, envelope.get("Signature"), algorithm())


def _text(envelope: Mapping[str, Any], fields: tuple[str, ...]) -> bytes | None:
    """Return what was signed: each field's name and value on a line of its own; a subject may be missing."""
    lines: list[str] = []
    for name in fields:
        value = envelope.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str):
            return None
        lines += (name, value)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _is_signed(certificate: bytes, signed: bytes, signature: Any, algorithm: HashAlgorithm) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate)
        key = found.public_key()
        names = [each.value for each in found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        now = datetime.now(UTC)
        is_valid = found.not_valid_before_utc - AHEAD <= now <= found.not_valid_after_utc
        if not isinstance(key, RSAPublicKey) or names != [_NAME] or not is_valid:
            return False
        key.verify(base64.b64decode(str(signature), validate=True), signed, PKCS1v15(), algorithm)
    except (ValueError, binascii.Error, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_recent(stamp: Any) -> bool:
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return False
    return at.tzinfo is not None and -AHEAD <= datetime.now(UTC) - at <= OLDEST


def _at(address: Any, host: str, path: re.Pattern[str]) -> str:
    """Return `address` if it is an https one at exactly this host, without port, user or surprises; empty if not."""
    if not isinstance(address, str) or not _PLAIN.fullmatch(address):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_there = parts.scheme == "https" and parts.netloc == host and not parts.fragment
    return address if is_there and path.fullmatch(parts.path) else ""
