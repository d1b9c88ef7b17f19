"""Letters through Mailgun: version 3 of its interface, whole messages."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Final

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
from .settings import FORM, PRESETS, faults
from .signature import is_genuine

_FORM_TYPE: Final = "application/x-www-form-urlencoded"


class MailgunProvider(HostedProvider):
    """Sends each letter as one request that holds a whole message."""

    name: ClassVar = "mailgun"
    title: ClassVar = "Mailgun"
    summary: ClassVar = "Mailgun's v3 interface. Receipts, bounces and complaints come as signed events."
    settings_form: ClassVar = FORM
    presets: ClassVar = PRESETS
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES
    largest: ClassVar = 25 * 1024 * 1024

    @classmethod
    def faults(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(settings)

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a Mailgun on loopback, and what it calls back."""
        return samples.samples()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether Mailgun signed the event, lately."""
        known = cls.known(settings)
        return is_genuine(callback, known["signing_key"] or "", known["oldest"] * 60)

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipt of a request; raise ValueError if it holds no event."""
        return events(callback)

    def write(self, submission: Submission, name: str) -> Ask:
        """Return the request for one letter; raise Faulty where it cannot be made whole."""
        from urllib3.filepost import encode_multipart_formdata  # only where it is used

        message = mime.write(compose(submission.shared), submission, is_signed=bool(self.settings["signs"]))
        fields: dict[str, Any] = {
            "to": submission.address,
            "message": ("letter.eml", message, "message/rfc822"),
            f"v:{REFERENCE}": name,
            "o:tracking": "no",  # Mailgun changes no letter and follows nobody, whatever the domain says
            "o:tracking-opens": "no",
            "o:tracking-clicks": "no",
        }
        body, kind = encode_multipart_formdata(fields)
        return self._ask(body, kind)

    def outcome(self, reply: Reply, submission: Submission, name: str) -> Outcome:
        """Return what an answer means."""
        if reply.status < 300:
            taken = requests.document(reply).get("id")
            return Accepted((name,)) if isinstance(taken, str) and taken else Unknown("answer_not_understood")
        return unproven(reply) or _refusal(reply)

    async def try_account(self) -> tuple[bool, str]:
        """Ask to send a letter to nobody: a key that may not send is refused before that is noticed."""
        reply = await self.requests.ask(*self._ask(b"o:testmode=yes", _FORM_TYPE))
        if not isinstance(reply, Reply):
            return False, "Mailgun was reached, but did not answer."
        if reply.status == 404:
            return False, "Mailgun does not know the domain in this region (HTTP status 404)."
        if reply.status != 400:
            return False, f"Mailgun refused the API key (HTTP status {reply.status})."
        events_come = "" if self.settings["signing_key"] else " Events are not taken: there is no signing key."
        return True, f"The API key may send for the domain. Nothing was sent.{events_come}"

    def _ask(self, body: bytes, kind: str) -> Ask:
        secret = b64encode(f"api:{self.settings['api_key']}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Accept": "application/json", "Content-Type": kind}
        return Ask("POST", f"/v3/{self.settings['domain']}/messages.mime", headers, body)


def _refusal(reply: Reply) -> Outcome:
    code = _code(reply)
    error, reason = codes.ERRORS.get(code, codes.ERRORS["400"])
    if error is ErrorClass.THROTTLE:
        return TryLater(requests.retry_after(reply.headers), error, reason, code)
    return Rejected(reason, error, code)


def _code(reply: Reply) -> str:
    """Return the status, and behind it what its words are about, where that is something we tell apart."""
    words = str(requests.document(reply).get("message") or "").lower()
    about = ""
    if "'to' parameter" in words or "to parameter" in words:
        about = "to"
    elif "'from' parameter" in words or "from parameter" in words:
        about = "from"
    elif "sandbox" in words or "authorized recipients" in words:
        about = "sandbox"
    code = f"{reply.status} {about}".rstrip()
    return code if code in codes.ERRORS else str(reply.status)
