"""Calls through Twilio: Calls API 2010-04-01."""

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
    Refused,
    Rejected,
    Reply,
    Samples,
    Submission,
    requests,
)

from .. import prompts
from ..outcomes import content_of, is_left_a_message
from ..prompts import making
from . import codes, lookup, samples, script, twiml
from .answers import outcome
from .events import events
from .settings import FORM, PRESETS, complete, countries_of, faults, host_of
from .signature import is_genuine

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_NO_CALLBACKS: Final = Rejected("no_public_address", ErrorClass.CREDENTIAL)
"""Twilio asks us what to say: without an address it can reach, nothing can be said."""


class TwilioCallsProvider(Provider):
    """Makes each call with one request, at most `window` of them at a time; Twilio then asks what to say."""

    name: ClassVar = "twilio_calls"
    title: ClassVar = "Twilio"
    channel: ClassVar = "voice"
    summary: ClassVar = "Twilio's Calls API: from a number of your account, with its voices or this site's."
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
        settings = complete(settings)
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
        return Ambiguity.LOOKUP if complete(settings)["ask_lost"] else Ambiguity.BLIND

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(complete(settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return Twilio's host, and that it learns who calls whom, and what is said."""
        settings = complete(settings)
        fields = ("recipient's number", "sender", "what is said", "keys that are pressed", "callback address")
        return Disclosure((host_of(settings),), fields, countries_of(settings["countries"]))

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
        """Return what a request tells of a call; raise ValueError if it makes no sense."""
        return events(settings, callback)

    @classmethod
    def answer_callback(cls, settings: Mapping[str, Any], callback: Callback) -> tuple[str, str]:
        """Return what the call says next, where Twilio asks for it."""
        return twiml.MEDIA, twiml.answer(settings, callback)

    async def open(self) -> None:
        """Look Twilio up; raise ConnectionLost when it cannot be reached."""
        await self._requests.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._requests.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Ask for each call once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._call)

    async def lookup(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Look for each call among those to its number; two to one number tell nothing."""
        return await requests.spread(
            batch, self.window, partial(self._ask_after, Counter(each.address for each in batch))
        )

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and a request that calls nobody."""
        return await self._requests.check(self._try_account)

    async def _call(self, submission: Submission) -> Outcome:
        if not self.callback_url:
            return _NO_CALLBACKS
        if submission.shared is None:
            return Rejected("content_missing", ErrorClass.CONTENT)
        try:
            said, ended = script.addresses(self.callback_url, self.settings["auth_token"], submission)
        except UnicodeEncodeError:
            return Rejected("text_not_supported", ErrorClass.CONTENT)
        if len(said) > script.LONGEST_URL:
            return Rejected("text_too_long", ErrorClass.CONTENT)
        if not await self._is_speakable(submission):
            return Rejected("prompt_not_made", ErrorClass.CONTENT)
        body = urlencode(self._fields(submission, said, ended)).encode()
        headers = {**self._headers, "Content-Type": _FORM_TYPE}
        reply = await self._requests.ask("POST", f"{self._account}/Calls.json", headers, body)
        return outcome(reply) if isinstance(reply, Reply) else reply

    async def _is_speakable(self, submission: Submission) -> bool:
        """Return whether this site can make what Twilio will fetch; it is made now, not while somebody listens."""
        content = content_of(submission)
        wanted = ("prompt", "more") if content.get("more_key") else ("prompt",)
        for which in wanted:
            if twiml.is_own(self.settings, content, which):
                try:
                    await prompts.audio(submission.shared or {}, submission, which)
                except Refused:
                    return False
        return bool(making.is_recorded(content) or str(content.get("text") or "").strip())

    def _fields(self, submission: Submission, said: str, ended: str) -> dict[str, str]:
        content = content_of(submission)
        fields = {
            "To": submission.address,
            "From": submission.sender,
            "Url": said,
            "StatusCallback": ended,
            "Timeout": str(content.get("ring_seconds") or 30),
            "TimeLimit": str(content.get("most_seconds") or 120),
        }
        if self.settings["detect_machines"]:
            fields["MachineDetection"] = "DetectMessageEnd" if is_left_a_message(submission) else "Enable"
        return fields

    async def _ask_after(self, calls: Mapping[str, int], submission: Submission) -> Outcome:
        if calls[submission.address] > 1:
            return lookup.OPEN
        query = urlencode({"To": submission.address, "PageSize": lookup.PAGE})
        reply = await self._requests.ask("GET", f"{self._account}/Calls.json?{query}", self._headers)
        return lookup.found(reply, submission) if isinstance(reply, Reply) else lookup.OPEN

    async def _try_account(self) -> tuple[bool, str]:
        """Ask for the account, or with an API key, which may not see it, for the newest call."""
        is_key = bool(self.settings["key_sid"])
        path = f"{self._account}/Calls.json?PageSize=1" if is_key else f"{self._account}.json"
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
        kind = " It is a trial account: only verified numbers are called." if told.get("type") == "Trial" else ""
        return state == "active", f"The account answers; its state is {state}.{kind}"
