"""Text messages through Vonage, by its SMS API or its Messages API."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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
    requests,
)

from ..hosted.settings import complete, countries_of, host_of
from . import answers, codes, events, samples
from .requests import LONGEST, request
from .settings import FORM, PRESETS, SMS, base_of, faults
from .signature import is_signed, is_vouched


class VonageProvider(Provider):
    """Sends each message as one request, at most `window` of them at a time."""

    name: ClassVar = "vonage"
    title: ClassVar = "Vonage"
    channel: ClassVar = "sms"
    summary: ClassVar = "Vonage (once Nexmo): its SMS API or its Messages API."
    settings_form: ClassVar = FORM
    presets: ClassVar = PRESETS
    ambiguity: ClassVar = Ambiguity.BLIND
    capabilities: ClassVar = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.CALLBACKS})
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        settings = complete(FORM, settings)
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._is_sms = settings["interface"] == SMS
        self._requests = requests.Requests(base_of(settings), connections=window, timeout=settings["timeout"])

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(complete(FORM, settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return Vonage's host, and that it learns number, sender, text and reference."""
        settings = complete(FORM, settings)
        fields = ("recipient's number", "sender", "message text", "message reference", "callback address")
        return Disclosure((host_of(base_of(settings)),), fields, countries_of(settings["countries"]))

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a Vonage on loopback, and what it calls back."""
        return samples.samples()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether Vonage signed the request, in the way of the interface in use."""
        settings = complete(FORM, settings)
        secret = settings["signature_secret"] or ""
        if settings["interface"] != SMS:
            headers = {name.lower(): value for name, value in callback.headers.items()}
            return is_vouched(headers.get("authorization", ""), callback.body, secret)
        try:
            return is_signed(events.fields(callback), secret, settings["signature_method"])
        except ValueError:
            return False

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipt or the incoming message of a request; raise ValueError if it is neither."""
        is_sms = complete(FORM, settings)["interface"] == SMS
        return events.of_sms(callback) if is_sms else events.of_messages(callback)

    async def open(self) -> None:
        """Look Vonage up; raise ConnectionLost when it cannot be reached."""
        await self._requests.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._requests.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each message once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and a request that sends nothing."""
        before = () if self.settings["signature_secret"] else (self._tell_of_silence,)
        return await self._requests.check(*before, self._try_account)

    async def _tell_of_silence(self) -> tuple[bool, str]:
        return True, "There is no signature secret, so no receipts and replies are taken."

    async def _send(self, submission: Submission) -> Outcome:
        if len(submission.body) > LONGEST:
            return Rejected("text_too_long", ErrorClass.CONTENT)
        try:
            path, headers, body = request(self.settings, submission, self.callback_url)
        except UnicodeEncodeError:
            return Rejected("text_not_supported", ErrorClass.CONTENT)
        reply = await self._requests.ask("POST", path, headers, body)
        if not isinstance(reply, Reply):
            return reply
        return answers.of_sms(reply) if self._is_sms else answers.of_messages(reply)

    async def _try_account(self) -> tuple[bool, str]:
        """Ask for the balance, or at the other host for the account's applications."""
        path = "/account/get-balance" if self._is_sms else "/v2/applications?page_size=1"
        headers = {"Authorization": requests.basic(self.settings["account"], self.settings["api_secret"])}
        reply = await self._requests.ask("GET", path, headers)
        if not isinstance(reply, Reply):
            return False, "Vonage was reached, but did not answer."
        if reply.status in (401, 403):
            return False, f"Vonage refused the credentials (HTTP status {reply.status})."
        if reply.status != 200:
            return False, f"Vonage answered with HTTP status {reply.status}."
        balance = requests.document(reply).get("value")
        told = f" The balance is {balance} euros." if self._is_sms and isinstance(balance, int | float) else ""
        return True, "The credentials work." + told
