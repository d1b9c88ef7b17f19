"""WhatsApp through Meta's Cloud API: templates and answers out, states and messages in by webhook."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

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
    TemplateSubmission,
    TemplateWord,
    requests,
)

from ..form import MARKETING
from . import codes, samples
from .answers import code_of, outcome
from .events import events
from .media import Shelf
from .requests import Draft, encode
from .reviewing import Reviewers
from .settings import FORM, complete, countries, faults, host, numbers
from .signature import challenge, is_genuine

_MOST_DRAFTS: Final = 50
_NOT_OURS: Final = Rejected("sender_not_yours", ErrorClass.SENDER)
_NOT_WHOLE: Final = Rejected("content_not_whole", ErrorClass.CONTENT)


class CloudProvider(Provider):
    """Sends each message as one request, at most `window` of them at a time, from the number of its sender.

    What became of a message whose answer was lost is told by its webhooks, which carry our token.
    """

    name: ClassVar = "whatsapp_cloud"
    title: ClassVar = "WhatsApp Cloud API"
    channel: ClassVar = "whatsapp"
    summary: ClassVar = "Meta's own interface: templates, answers, states and incoming messages."
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
        base = f"{settings['base_url'].rstrip('/')}/{settings['version']}"
        headers = {"Authorization": f"Bearer {settings['access_token']}", "Content-Type": "application/json"}
        self._line = requests.Requests(base, connections=window, timeout=settings["timeout"], headers=headers)
        self._numbers = numbers(settings["numbers"])
        self._media = Shelf(self._line.ask)
        self._reviewers = Reviewers(self._line, settings["account_id"])
        self._drafts: OrderedDict[int, tuple[Mapping[str, Any], Draft]] = OrderedDict()

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(complete(settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return Meta's host, and that it learns who writes to whom, and what."""
        settings = complete(settings)
        fields = ["recipient's WhatsApp id", "sender", "message text", "values of placeholders", "files of headers"]
        if settings["uses_marketing_messages"] and settings["shares_activity"]:
            fields.append("what recipients do with a message")
        return Disclosure((host(settings["base_url"]),), tuple(fields), countries(settings["countries"]))

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a Cloud API on loopback, and what it calls back."""
        return samples.samples()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether Meta made the request."""
        return is_genuine(settings, callback)

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return what Meta tells about our numbers; nothing for the handshake. Raises ValueError for nonsense."""
        if callback.method == "GET":
            return ()
        return events(callback.body, set(numbers(settings["numbers"]).values()))

    @classmethod
    def answer_callback(cls, settings: Mapping[str, Any], callback: Callback) -> tuple[str, str]:
        """Return the word a handshake asks for."""
        return "text/plain", challenge(callback) or "ok"

    async def open(self) -> None:
        """Look Meta up; raise ConnectionLost when it cannot be reached."""
        await self._line.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each message once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and ask for each number; nothing is sent."""
        return await self._line.check(*(partial(self._try_number, *each) for each in self._numbers.items()))

    async def submit_template(self, template: TemplateSubmission) -> TemplateWord:
        """Hand a template over to Meta's reviewers; the same content is the same template there."""
        return await self._reviewers.submit(template)

    async def ask_templates(self, references: Sequence[str]) -> Sequence[TemplateWord]:
        """Return what Meta says about templates now."""
        return [found for each in references if (found := await self._reviewers.ask(each))]

    async def _send(self, submission: Submission) -> Outcome:
        number_id = self._numbers.get(submission.sender)
        if number_id is None:
            return _NOT_OURS
        draft = self._draft(submission)
        if draft is None or not draft.is_whole:
            return _NOT_WHOLE
        media = "" if draft.file is None else await self._media.find(number_id, draft.file)
        if not isinstance(media, str):
            return media
        try:
            path, body = self._request(draft, submission, media)
        except (KeyError, TypeError, ValueError):
            return _NOT_WHOLE
        reply = await self._line.ask("POST", f"/{number_id}/{path}", body=body)
        made = outcome(reply, submission.attempt) if isinstance(reply, Reply) else reply
        if draft.file is not None and isinstance(made, Rejected) and made.code in codes.MEDIA_GONE:
            self._media.forget(number_id, draft.file)
        return made

    def _request(self, draft: Draft, submission: Submission, media: str) -> tuple[str, bytes]:
        """Return path and body. Marketing Messages take phone numbers only, and no token of ours."""
        message = draft.body(submission, media)
        is_marketing = draft.written.is_template and draft.written.category == MARKETING
        if is_marketing and self.settings["uses_marketing_messages"] and "to" in message:
            message["product_policy"] = self.settings["product_policy"]
            message["message_activity_sharing"] = self.settings["shares_activity"]
            return "marketing_messages", encode(message)
        message["biz_opaque_callback_data"] = f"{submission.token}.{submission.attempt}"
        return "messages", encode(message)

    def _draft(self, submission: Submission) -> Draft | None:
        """Return the content of a message made ready; the house gives the same object for the same content."""
        shared = submission.shared
        if shared is None:
            return None
        kept = self._drafts.get(id(shared))
        if kept is not None and kept[0] is shared:
            return kept[1]
        try:
            draft = Draft(shared["content"], shared.get("file"))
        except (Refused, KeyError):
            return None
        self._drafts[id(shared)] = (shared, draft)
        while len(self._drafts) > _MOST_DRAFTS:
            self._drafts.popitem(last=False)
        return draft

    async def _try_number(self, number: str, number_id: str) -> tuple[bool, str]:
        fields = "display_phone_number,verified_name,quality_rating,code_verification_status"
        reply = await self._line.ask("GET", f"/{number_id}?fields={fields}")
        if not isinstance(reply, Reply):
            return False, f"{number}: Meta was reached, but did not answer."
        told = requests.document(reply)
        if reply.status != 200:
            return False, f"{number}: Meta refused (HTTP status {reply.status}, code {code_of(told) or 'none'})."
        shown = "+" + "".join(sign for sign in str(told.get("display_phone_number") or "") if sign.isdigit())
        if shown != number:
            return False, f"{number}: the id {number_id} belongs to {shown}."
        name, quality = (str(told.get(key) or "unknown")[:60] for key in ("verified_name", "quality_rating"))
        return True, f"{number} is registered as {name}; its quality is {quality.lower()}."
