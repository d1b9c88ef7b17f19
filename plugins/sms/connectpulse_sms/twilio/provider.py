"""Text messages through Twilio: Messages API 2010-04-01."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from connectpulse.core.api import (
    Ambiguity,
    Callback,
    Capability,
    Check,
    Disclosure,
    ErrorClass,
    Events,
    Intake,
    Outcome,
    Provider,
    Rejected,
    Reply,
    Samples,
    Submission,
    Unknown,
    requests,
)

from ..hosted.settings import complete, countries_of, host_of
from . import codes, lookup, samples
from .answers import outcome
from .events import events
from .settings import FORM, PRESETS, faults
from .signature import is_genuine

LONGEST: Final = 1600
"""Characters Twilio takes."""

_LONGEST_VALIDITY = 36_000
_FORM_TYPE = "application/x-www-form-urlencoded"
_SILENCE = ("text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')
"""Whatever else an incoming message is answered with, Twilio sends to the person who wrote."""


class TwilioProvider(Provider):
    """Sends each message as one request, at most `window` of them at a time."""

    name: ClassVar = "twilio"
    title: ClassVar = "Twilio"
    channel: ClassVar = "sms"
    summary: ClassVar = "Twilio's Messages API: from a number, a sender name or a messaging service."
    settings_form: ClassVar = FORM
    presets: ClassVar = PRESETS
    ambiguity: ClassVar = Ambiguity.LOOKUP
    lookup_after: ClassVar = timedelta(minutes=5)
    capabilities: ClassVar = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.CALLBACKS})
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        settings = complete(FORM, settings)
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._requests = requests.Requests(settings["base_url"], connections=window, timeout=settings["timeout"])
        self._account = f"/2010-04-01/Accounts/{quote(settings['account_sid'], safe='')}"
        user, password = settings["account_sid"], settings["auth_token"]
        if settings["key_sid"]:
            user, password = settings["key_sid"], settings["key_secret"]
        self._headers = {"Authorization": requests.basic(user, password), "Accept": "application/json"}

    @classmethod
    def ambiguity_of(cls, settings: Mapping[str, Any]) -> Ambiguity:
        """Return whether Twilio is asked about lost answers."""
        return Ambiguity.LOOKUP if complete(FORM, settings)["ask_lost"] else Ambiguity.BLIND

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(complete(FORM, settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return Twilio's host, and that it learns number, sender and text."""
        settings = complete(FORM, settings)
        fields = ["recipient's number", "message text", "callback address"]
        if not settings["messaging_service_sid"]:
            fields.insert(1, "sender")
        return Disclosure((host_of(settings["base_url"]),), tuple(fields), countries_of(settings["countries"]))

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a Twilio on loopback, and what it calls back."""
        return samples.samples()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether Twilio signed the request."""
        return is_genuine(callback, settings["auth_token"], settings.get("shared_key") or "")

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipt or the incoming message of a request; raise ValueError if it is neither."""
        return events(callback)

    @classmethod
    def answer_callback(cls, settings: Mapping[str, Any], callback: Callback) -> tuple[str, str]:
        """Return a document that asks Twilio to do nothing more."""
        return _SILENCE

    async def open(self) -> None:
        """Look Twilio up; raise ConnectionLost when it cannot be reached."""
        await self._requests.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._requests.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each message once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def lookup(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Look for each message among those to its number; two of the same text tell nothing."""
        alike = Counter((each.address, each.body) for each in batch)
        return await requests.spread(batch, self.window, partial(self._ask_after, alike), stops=None)

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and a request that sends nothing."""
        return await self._requests.check(self._try_account)

    async def _send(self, submission: Submission) -> Outcome:
        if len(submission.body) > LONGEST:
            return Rejected("text_too_long", ErrorClass.CONTENT)
        try:
            body = urlencode(self._fields(submission)).encode()
        except UnicodeEncodeError:
            return Rejected("text_not_supported", ErrorClass.CONTENT)
        headers = {**self._headers, "Content-Type": _FORM_TYPE}
        reply = await self._requests.ask("POST", f"{self._account}/Messages.json", headers, body)
        return outcome(reply) if isinstance(reply, Reply) else reply

    def _fields(self, submission: Submission) -> dict[str, str]:
        validity = int(submission.validity.total_seconds())
        fields = {
            "To": submission.address,
            "Body": submission.body,
            "ValidityPeriod": str(min(max(validity, 1), _LONGEST_VALIDITY)),
            "SmartEncoded": "false",  # what was measured and reserved is what goes out
        }
        if service := self.settings["messaging_service_sid"]:
            fields["MessagingServiceSid"] = service
        else:
            fields["From"] = submission.sender
        if self.callback_url:
            fields["StatusCallback"] = self.callback_url
        return fields

    async def _ask_after(self, alike: Mapping[tuple[str, str], int], submission: Submission) -> Outcome:
        if alike[submission.address, submission.body] > 1:
            return Unknown("not_found_out")
        query = urlencode({"To": submission.address, "PageSize": lookup.PAGE})
        reply = await self._requests.ask("GET", f"{self._account}/Messages.json?{query}", self._headers)
        return lookup.found(reply, submission) if isinstance(reply, Reply) else Unknown("not_found_out")

    async def _try_account(self) -> tuple[bool, str]:
        """Ask for the account, or with an API key, which may not see it, for the newest message."""
        is_key = bool(self.settings["key_sid"])
        path = f"{self._account}/Messages.json?PageSize=1" if is_key else f"{self._account}.json"
        reply = await self._requests.ask("GET", path, self._headers)
        if not isinstance(reply, Reply):
            return False, "Twilio was reached, but did not answer."
        told = requests.document(reply)
        if reply.status != 200:
            code = f", code {told['code']}" if told.get("code") else ""
            return False, f"Twilio refused the credentials (HTTP status {reply.status}{code})."
        if is_key:
            return True, "The API key works."
        state = str(told.get("status") or "unknown")[:20]
        kind = " It is a trial account: only verified numbers get messages." if told.get("type") == "Trial" else ""
        return state == "active", f"The account answers; its state is {state}.{kind}"
