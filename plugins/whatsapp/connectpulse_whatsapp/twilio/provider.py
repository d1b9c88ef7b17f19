"""WhatsApp through Twilio: approved templates by their Content SID, and texts that answer within a day."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from connectpulse.core.api import (
    Ambiguity,
    AnswerLost,
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
    TemplateSubmission,
    TemplateWord,
    TryLater,
    Unreachable,
    requests,
)

from ..cloud.settings import countries, host
from ..content import Written, read
from ..form import MEDIA
from . import codes, samples
from .answers import outcome
from .content_types import values
from .events import MARK, events
from .reviewing import Reviewers
from .settings import FORM, complete, faults
from .signature import is_genuine

LONGEST: Final = 1600
"""Characters of a text Twilio takes."""

_MOST_READ: Final = 50
_FORM_TYPE: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_SILENCE: Final = ("text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')
"""Whatever else an incoming message is answered with, Twilio sends to the person who wrote."""
_NOT_WHOLE: Final = Rejected("content_not_whole", ErrorClass.CONTENT)
_NO_TEMPLATE: Final = Rejected("template_not_found", ErrorClass.CONTENT)
_LATER: Final = TryLater(codes.AGAIN, ErrorClass.PROVIDER, "template_not_looked_up")


class TwilioProvider(Provider):
    """Sends each message as one request, at most `window` of them at a time.

    Twilio keeps no reference of ours, so the address it calls back carries our token: that settles lost answers.
    """

    name: ClassVar = "whatsapp_twilio"
    title: ClassVar = "Twilio"
    channel: ClassVar = "whatsapp"
    summary: ClassVar = "WhatsApp through Twilio: templates of its Content API, answers, states, incoming messages."
    settings_form: ClassVar = FORM
    ambiguity: ClassVar = Ambiguity.BLIND
    capabilities: ClassVar = frozenset(
        {Capability.RECEIPTS, Capability.INBOUND, Capability.CALLBACKS, Capability.TEMPLATES}
    )
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        settings = complete(settings)
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        user, password = settings["account_sid"], settings["auth_token"]
        if settings["key_sid"]:
            user, password = settings["key_sid"], settings["key_secret"]
        headers = {"Authorization": requests.basic(user, password), "Content-Type": "application/json"}
        timeout = settings["timeout"]
        self._line = requests.Requests(settings["base_url"], connections=window, timeout=timeout, headers=headers)
        self._content = requests.Requests(settings["content_url"], connections=2, timeout=timeout, headers=headers)
        self._reviewers = Reviewers(self._content)
        self._read: dict[int, tuple[Mapping[str, Any], Written]] = {}
        self._account = f"/2010-04-01/Accounts/{quote(settings['account_sid'], safe='')}"

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(complete(settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return Twilio's hosts, and that it learns who writes to whom, and what."""
        settings = complete(settings)
        hosts = tuple(dict.fromkeys((host(settings["base_url"]), host(settings["content_url"]))))
        fields = ("recipient's WhatsApp number", "sender", "message text", "values of placeholders", "callback address")
        return Disclosure(hosts, fields, countries(settings["countries"]))

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
        await self._line.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()
        await self._content.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each message once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def submit_template(self, template: TemplateSubmission) -> TemplateWord:
        """Keep a template at Twilio, and submit it to WhatsApp; what Twilio cannot show is refused here."""
        return await self._reviewers.submit(template)

    async def ask_templates(self, references: Sequence[str]) -> Sequence[TemplateWord]:
        """Return what WhatsApp says about templates now."""
        return [found for each in references if (found := await self._reviewers.ask(each))]

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and ask for the newest message; nothing is sent."""
        return await self._line.check(self._try_account)

    async def _send(self, submission: Submission) -> Outcome:
        if not submission.address.startswith("+"):
            return Rejected("needs_phone_number", ErrorClass.RECIPIENT)
        try:
            written = self._written(submission.shared or {})
            given = await self._given(written, submission)
            body = urlencode(self._fields(submission) | given).encode() if isinstance(given, dict) else b""
        except (Refused, KeyError, IndexError, UnicodeEncodeError):
            return _NOT_WHOLE
        if not isinstance(given, dict):
            return given
        reply = await self._line.ask("POST", f"{self._account}/Messages.json", _FORM_TYPE, body)
        made = outcome(reply, submission.attempt) if isinstance(reply, Reply) else reply
        if isinstance(made, Rejected) and made.reason == "template_not_found":
            self._reviewers.forget(written)
        return made

    def _written(self, shared: Mapping[str, Any]) -> Written:
        """Return a content, read; the house gives the same object for the same content."""
        kept = self._read.get(id(shared))
        if kept is None or kept[0] is not shared:
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            kept = self._read[id(shared)] = (shared, read(shared["content"]))
        return kept[1]

    async def _given(self, written: Written, submission: Submission) -> dict[str, str] | Outcome:
        """Return what a message says: a template's SID and values, or a text; or what becomes of it without."""
        if not written.is_template:
            if written.header in MEDIA or written.buttons:
                return Rejected("kind_not_supported", ErrorClass.CONTENT)
            is_short = len(submission.body) <= LONGEST
            return {"Body": submission.body} if is_short else Rejected("text_too_long", ErrorClass.CONTENT)
        chosen = json.dumps(values(written, submission.extra or {}), ensure_ascii=False)
        try:
            sid = await self._reviewers.find(written)
        except (Refused, Unreachable, AnswerLost):
            return _LATER
        return {"ContentSid": sid, "ContentVariables": chosen} if sid else _NO_TEMPLATE

    def _fields(self, submission: Submission) -> dict[str, str]:
        fields = {"To": f"whatsapp:{submission.address}"}
        if service := self.settings["messaging_service_sid"]:
            fields["MessagingServiceSid"] = service
        else:
            fields["From"] = f"whatsapp:{submission.sender}"
        if self.callback_url:
            mark = f"{MARK}={quote(submission.token)}.{submission.attempt}"
            fields["StatusCallback"] = f"{self.callback_url}{'&' if '?' in self.callback_url else '?'}{mark}"
        return fields

    async def _try_account(self) -> tuple[bool, str]:
        reply = await self._line.ask("GET", f"{self._account}/Messages.json?PageSize=1")
        if not isinstance(reply, Reply):
            return False, "Twilio was reached, but did not answer."
        if reply.status != 200:
            code = requests.document(reply).get("code") or "none"
            return False, f"Twilio refused the credentials (HTTP status {reply.status}, code {code})."
        return True, "The account answers."
