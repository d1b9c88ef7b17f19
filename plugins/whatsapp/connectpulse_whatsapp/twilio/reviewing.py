"""Templates at Twilio: made once, found by their name, and submitted to WhatsApp's reviewers."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from connectpulse.core.api import Approval, ErrorClass, Refused, Reply, TemplateSubmission, TemplateWord, requests

from ..cloud.reading import part, rows
from ..content import Written, read
from .codes import APPROVALS, BY_STATUS, ERRORS
from .content_types import content


class Reviewers:
    """The templates of an account; the SID of each is asked for once."""

    def __init__(self, line: requests.Requests) -> None:
        self._line = line
        self._known: dict[tuple[str, str], str] = {}
        self._lock = asyncio.Lock()

    async def submit(self, template: TemplateSubmission) -> TemplateWord:
        """Make a template, or find it, and submit it unless it was; one that was refused is submitted again."""
        written = read(template.content)
        wanted = content(written)
        sid = await self.find(written) or await self._make(wanted)
        word = await self.ask(sid)
        is_again = bool(template.reference) and word is not None and word.state is Approval.REJECTED
        if word is not None and not is_again:
            return word
        asked = {"name": written.name, "category": written.category.upper()}
        reply = await self._request("POST", f"/v1/Content/{sid}/ApprovalRequests/whatsapp", asked)
        if refusal := _refusal(reply):
            return TemplateWord(sid, Approval.REJECTED, refusal)
        return _word(sid, requests.document(reply)) or TemplateWord(sid, Approval.PENDING)

    async def ask(self, sid: str) -> TemplateWord | None:
        """Return what WhatsApp says about a template, None where it was not submitted."""
        reply = await self._request("GET", f"/v1/Content/{quote(sid, safe='')}/ApprovalRequests")
        if reply.status == 404:
            return None
        if refusal := _refusal(reply):
            raise Refused(refusal)
        return _word(sid, part(requests.document(reply), "whatsapp"))

    async def find(self, written: Written) -> str | None:
        """Return the SID of a template, None if there is none of its name and language."""
        key = (written.name, written.language)
        async with self._lock:
            if key not in self._known:
                query = urlencode({"ContentName": written.name, "PageSize": 100})
                reply = await self._request("GET", f"/v2/Content?{query}")
                if refusal := _refusal(reply):
                    raise Refused(refusal)
                found = rows(requests.document(reply), "contents")
                same = [each for each in found if (each.get("friendly_name"), each.get("language")) == key]
                if not same:
                    return None
                self._known[key] = str(same[0].get("sid") or "")
            return self._known[key]

    def forget(self, written: Written) -> None:
        """Look a template up again the next time: Twilio did not know its SID."""
        self._known.pop((written.name, written.language), None)

    async def _make(self, wanted: Mapping[str, Any]) -> str:
        reply = await self._request("POST", "/v1/Content", wanted)
        if refusal := _refusal(reply):
            raise Refused(refusal)
        sid = requests.document(reply).get("sid")
        if not isinstance(sid, str) or not sid:
            raise Refused("Twilio's answer was not understood; the template is looked for again later.")
        return sid

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        return await self._line.request(method, path, body=raw)


def _word(sid: str, told: Mapping[str, Any]) -> TemplateWord | None:
    status = str(told.get("status") or "").lower()
    if status == "unsubmitted" or status not in APPROVALS:
        return None
    reason = str(told.get("rejection_reason") or "")
    if status in ("paused", "disabled"):
        reason = f"WhatsApp has {status} it. {reason}".strip()
    return TemplateWord(sid, APPROVALS[status], reason[:300], str(told.get("category") or "").lower())


def _refusal(reply: Reply) -> str:
    """Return why a content was refused, empty if it was not; raise Refused for what is no fault of the content."""
    if reply.status < 300:
        return ""
    found = requests.document(reply)
    code = str(found.get("code") or "")[:20]
    said = str(found.get("message") or f"HTTP status {reply.status}")[:200]
    error, _ = ERRORS.get(code) or BY_STATUS.get(reply.status) or (ErrorClass.CONTENT, "")
    if reply.status >= 500 or error is not ErrorClass.CONTENT:
        raise Refused(f"Twilio refused to look at it (code {code or 'none'}): {said}")
    return f"Twilio did not take it: {said}"
