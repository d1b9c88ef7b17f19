"""Letters through Amazon SES: version 2 of its interface, whole messages."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from connectpulse.core.api import (
    Accepted,
    Callback,
    ErrorClass,
    Events,
    Outcome,
    Rejected,
    Reply,
    Samples,
    Submission,
    TryLater,
    Unknown,
    requests,
)

from .. import mime
from ..hosted.provider import HostedProvider
from ..hosted.requests import Ask, unproven
from ..letter import compose
from . import codes, samples
from .events import REFERENCE, events
from .settings import FORM, PRESETS, endpoint, faults
from .signature import certificate_address, is_genuine, subscribe_address
from .signing import signed

_SEND = "/v2/email/outbound-emails"
_ACCOUNT = "/v2/email/account"


class SesProvider(HostedProvider):
    """Sends each letter as one request that holds a whole message.

    SES replaces the headers Date and Message-ID, which a signature of ours would cover, and signs with the key of
    the sender's identity; so letters go out unsigned by us.
    """

    name: ClassVar = "ses"
    title: ClassVar = "Amazon SES"
    summary: ClassVar = "Amazon SES by its interface. Receipts, bounces and complaints come through a topic of SNS."
    settings_form: ClassVar = FORM
    presets: ClassVar = PRESETS
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES
    largest: ClassVar = 40 * 1024 * 1024

    @classmethod
    def known(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every setting; the address follows from the region."""
        found = super().known(settings)
        return {**found, "base_url": found["base_url"] or endpoint(found["region"])}

    @classmethod
    def faults(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(settings)

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, an SES on loopback, and what SNS posts."""
        return samples.samples()

    @classmethod
    def proof_address(cls, settings: Mapping[str, Any], callback: Callback) -> str:
        """Return where the certificate lies that SNS signed with."""
        return certificate_address(callback, settings.get("topic_arn") or "")

    @classmethod
    def visit_address(cls, settings: Mapping[str, Any], callback: Callback) -> str:
        """Return the address that confirms a subscription."""
        return subscribe_address(callback, settings.get("topic_arn") or "")

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether SNS signed the request for the topic of the settings."""
        return is_genuine(callback, settings.get("topic_arn") or "")

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipt of a request; raise ValueError if SNS sent no such thing."""
        return events(callback)

    def write(self, submission: Submission, name: str) -> Ask:
        """Return the request for one letter; raise Faulty where it cannot be made whole."""
        message = mime.write(compose(submission.shared), submission, is_signed=False)
        found: dict[str, Any] = {
            "Destination": {"ToAddresses": [submission.address]},
            "Content": {"Raw": {"Data": base64.b64encode(message).decode()}},
            "EmailTags": [{"Name": REFERENCE, "Value": name}],
        }
        if self.settings["configuration_set"]:
            found["ConfigurationSetName"] = self.settings["configuration_set"]
        return self._ask("POST", _SEND, json.dumps(found).encode())

    def outcome(self, reply: Reply, submission: Submission, name: str) -> Outcome:
        """Return what an answer means."""
        if reply.status < 300:
            taken = requests.document(reply).get("MessageId")
            return Accepted((name,)) if isinstance(taken, str) and taken else Unknown("answer_not_understood")
        return unproven(reply) or _refusal(reply, submission.address)

    async def try_account(self) -> tuple[bool, str]:
        """Ask what the account may send."""
        reply = await self.requests.ask(*self._ask("GET", _ACCOUNT))
        if not isinstance(reply, Reply):
            return False, "SES was reached, but did not answer."
        told = requests.document(reply)
        if reply.status != 200:
            kind = _type(reply, told)
            return False, f"SES refused the access key (HTTP status {reply.status}{', ' + kind if kind else ''})."
        if told.get("SendingEnabled") is False:
            return False, "The account answers, but its sending is switched off."
        return True, " ".join(_facts(told, has_events=bool(self.settings["topic_arn"])))

    def _ask(self, method: str, path: str, body: bytes = b"") -> Ask:
        headers = {"Content-Type": "application/json"} if body else {}
        key, secret = self.settings["access_key_id"], self.settings["secret_access_key"]
        ask = Ask(method, path, headers, body)
        return signed(ask, self.requests.base, self.settings["region"], key, secret)


def _facts(told: Mapping[str, Any], *, has_events: bool) -> list[str]:
    found = ["The account may send. Nothing was sent."]
    quota = told.get("SendQuota")
    if isinstance(quota, dict):
        rate, day, sent = (quota.get(name) for name in ("MaxSendRate", "Max24HourSend", "SentLast24Hours"))
        numbers = [each for each in (rate, day, sent) if isinstance(each, int | float) and not isinstance(each, bool)]
        if len(numbers) == 3:
            found.append("It takes {:g} letters a second and {:,.0f} a day, {:,.0f} of them used.".format(*numbers))
    if told.get("ProductionAccessEnabled") is False:
        found.append("It is in the sandbox: only verified addresses get letters.")
    if not has_events:
        found.append("Events are not taken: there is no topic.")
    return found


def _type(reply: Reply, told: Mapping[str, Any]) -> str:
    """Return the type of an error, without what namespaces stand around it."""
    named = reply.headers.get("x-amzn-ErrorType") or told.get("__type") or told.get("code") or ""
    return str(named).partition(":")[0].rpartition("#")[2].strip()[:40]


def _refusal(reply: Reply, address: str) -> Outcome:
    told = requests.document(reply)
    code, words = _type(reply, told), str(told.get("message") or told.get("Message") or "").lower()
    if code == "MessageRejected" and "not verified" in words:
        code = "RecipientNotVerified" if address.lower() in words else "SenderNotVerified"
    elif "daily" in words and "quota" in words:
        code = "DailyQuota"
    default = codes.BY_STATUS.get(reply.status, (ErrorClass.CONTENT, "request_refused"))
    error, reason = codes.ERRORS.get(code, default)
    code = code or str(reply.status)
    if error is ErrorClass.THROTTLE:
        return TryLater(_pause(reply, reason), error, reason, code)
    return Rejected(reason, error, code)


def _pause(reply: Reply, reason: str) -> timedelta:
    return codes.DAILY if reason == "daily_limit_reached" else requests.retry_after(reply.headers)
