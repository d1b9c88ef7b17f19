"""Templates at Meta: found by name, submitted, submitted anew, and asked about. Raises Refused for a faulty account."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from connectpulse.core.api import (
    Approval,
    ErrorClass,
    Refused,
    Reply,
    TemplateSubmission,
    TemplateWord,
    files,
    requests,
)

from ..content import Written, read
from ..form import MEDIA
from .answers import code_of
from .codes import BY_STATUS, meaning
from .proposal import components, proposal
from .reading import part, rows
from .template_words import word

_FIELDS: Final = "id,name,language,status,category,rejected_reason"
_NO_SUCH: Final = "33"
_AGAIN: Final = frozenset({Approval.REJECTED})


class Reviewers:
    """Those who decide about the templates of one account."""

    def __init__(self, line: requests.Requests, account_id: str) -> None:
        self._line = line
        self._account = f"/{quote(account_id, safe='')}/message_templates"

    async def submit(self, template: TemplateSubmission) -> TemplateWord:
        """Hand a template over, or find it where it is already; one that was refused is looked at again."""
        written = read(template.content)
        known = await self._find(written)
        if known is not None and not (template.reference and known.state in _AGAIN):
            return known
        handle = await self._example(written, template.shared.get("file"))
        if known is not None:
            asked = {"category": written.category.upper(), "components": components(written, handle)}
            found = await self._ask("POST", f"/{quote(known.reference, safe='')}", asked)
            return found or TemplateWord(known.reference, Approval.PENDING)
        reply = await self._request("POST", self._account, proposal(written, handle))
        if refusal := _refusal(reply):
            return refusal
        return word(requests.document(reply)) or await self._find(written) or _lost()

    async def ask(self, reference: str) -> TemplateWord | None:
        """Return what Meta says about a template now, None if it does not know it."""
        reply = await self._request("GET", f"/{quote(reference, safe='')}?fields={_FIELDS}")
        if code_of(requests.document(reply)) == _NO_SUCH:
            return None
        return word(requests.document(reply)) if not _refusal(reply) else None

    async def _find(self, written: Written) -> TemplateWord | None:
        query = urlencode({"name": written.name, "fields": _FIELDS, "limit": 100})
        reply = await self._request("GET", f"{self._account}?{query}")
        if refusal := _refusal(reply):
            raise Refused(refusal.reason)
        key = (written.name, written.language)
        same = (
            each for each in rows(requests.document(reply), "data") if (each.get("name"), each.get("language")) == key
        )
        return next((found for each in same if (found := word(each))), None)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> TemplateWord | None:
        """Return why a request was refused, None if it was obeyed."""
        return _refusal(await self._request(method, path, body))

    async def _example(self, written: Written, file: files.StoredFile | None) -> str:
        """Hand over the header's file as an example (Resumable Upload API); return its handle, empty for none."""
        if written.header not in MEDIA or file is None:
            return ""
        asked = urlencode({"file_name": file.name, "file_length": file.size, "file_type": file.media_type})
        begun = requests.document(await self._request("POST", f"/app/uploads?{asked}")).get("id")
        if not isinstance(begun, str) or not begun.startswith("upload:"):
            raise Refused("Meta did not take the file of the header.")
        headers = {"file_offset": "0", "Content-Type": "application/octet-stream"}
        reply = await self._line.request("POST", f"/{begun}", headers, file.content)
        handle = requests.document(reply).get("h")
        if not isinstance(handle, str) or not handle:
            raise Refused("Meta did not take the file of the header.")
        return handle

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        raw = orjson.dumps(body) if body is not None else None
        return await self._line.request(method, path, body=raw)


def _lost() -> TemplateWord:
    raise Refused("Meta's answer was not understood; the template is looked for again later.")


def _refusal(reply: Reply) -> TemplateWord | None:
    """Return the word of a refusal of the content; raise Refused for every other. None: it was obeyed."""
    if reply.status < 300:
        return None
    found = requests.document(reply)
    error = part(found, "error")
    code = code_of(found)
    said = str(error.get("error_user_msg") or error.get("message") or f"HTTP status {reply.status}")[:200]
    kind, _ = meaning(code) or BY_STATUS.get(reply.status) or (ErrorClass.CONTENT, "")
    if reply.status >= 500 or kind is not ErrorClass.CONTENT:
        raise Refused(f"Meta refused to look at it (code {code or 'none'}): {said}")
    return TemplateWord("", Approval.REJECTED, f"WhatsApp did not take it: {said}")
