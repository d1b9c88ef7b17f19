"""A letter: made once per content and sender as a stencil, and filled for each recipient.

Whatever carries letters (a mail server, an HTTP interface) takes either the finished texts (`Stencil.fill`) or the
bytes of a whole message (`mime.write`).
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectpulse.core.api import Purpose, Refused, Submission

from .document import Draft, draft
from .senders import Mailbox, normalise, read_sender
from .slots import STOP_LINK, Mould, names
from .tracking import addresses, rewriting
from .tracking.addresses import Tracking

VALUES: Final = "values"
"""Where a message's `extra` holds its recipient's values by name."""
_KEPT: Final = 64
_BY_MACHINE: Final = {"Auto-Submitted": "auto-generated"}
_LONGEST_SUBJECT: Final = 500
MESSAGE_ID: Final = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,118}>")
"""The id of a letter, as In-Reply-To and References hold it (RFC 5322, 3.6.4)."""


class Attachment(NamedTuple):
    """A file that goes with a letter."""

    name: str
    media_type: str
    content: bytes


class SigningKey(NamedTuple):
    """A key to sign a domain's letters with (RFC 6376): `private_key` is PEM."""

    domain: str
    selector: str
    private_key: str

    def __repr__(self) -> str:
        return f"SigningKey({self.selector} of {self.domain})"


class Letter(NamedTuple):
    """One recipient's letter, in texts. `headers` are those beside sender, recipient and subject."""

    from_name: str
    from_address: str
    reply_to: str
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    attachments: Sequence[Attachment]


class Faulty(Exception):
    """A message that cannot be made whole; `reason` is snake_case."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Stencil:
    """What all letters of one content and sender have in common."""

    sender: Mailbox
    reply_to: str
    html: Mould
    text: Mould
    attachments: tuple[Attachment, ...]
    keys: tuple[SigningKey, ...]
    organisation: str
    needs_way_out: bool
    tracking: Tracking | None = None
    targets: tuple[Mould, ...] = ()
    answers: str = ""

    def values(self, submission: Submission) -> Mapping[str, str]:
        """Return what this message's slots are filled with; raise Faulty where something is missing."""
        if self.needs_way_out and not submission.way_out:
            raise Faulty("no_way_out")
        kept = (submission.extra or {}).get(VALUES) or {}
        if not isinstance(kept, Mapping):
            raise Faulty("values_unreadable")
        return {**kept, STOP_LINK: submission.way_out, **self._counted(submission, kept)}

    def _counted(self, submission: Submission, kept: Mapping[str, str]) -> Mapping[str, str]:
        """Return where this message's links lead, over this site where they are counted: letters of campaigns are."""
        if self.tracking is None:
            return {}
        site, message_id, is_counted = self.tracking.site, submission.message_id, submission.campaign_id is not None
        found: dict[str, str] = {}
        for number, mould in enumerate(self.targets, 1):
            target = mould.fill(kept)
            counted = addresses.click(site, message_id, number, target) if is_counted else target
            found[rewriting.name(number)] = counted
        if self.tracking.opens and is_counted:
            found[rewriting.OPEN_SLOT] = addresses.opened(site, message_id)
        return found

    def headers(self, submission: Submission) -> dict[str, str]:
        """Return the headers beside sender, recipient and subject."""
        is_promotional = submission.purpose == Purpose.PROMOTIONAL
        found = {"In-Reply-To": self.answers, "References": self.answers} if self.answers else {**_BY_MACHINE}
        if self.reply_to:
            found["Reply-To"] = self.reply_to
        if is_promotional:
            found["Precedence"] = "bulk"
        found["Feedback-ID"] = (
            f"{submission.campaign_id or 0}:{self.organisation}:{submission.purpose or 'mail'}:connectpulse"
        )
        if submission.way_out:
            found["List-Unsubscribe"] = f"<{submission.way_out}>"
            found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return found

    def fill(self, submission: Submission) -> Letter:
        """Return the letter for one recipient; raise Faulty where it cannot be made whole."""
        values = self.values(submission)
        return Letter(
            self.sender.name,
            self.sender.address,
            self.reply_to,
            submission.address,
            subject_of(submission),
            self.text.fill(values),
            self.html.fill(values),
            self.headers(submission),
            self.attachments,
        )


def subject_of(submission: Submission) -> str:
    """Return a message's subject on one line: no value can begin another header."""
    subject = " ".join(submission.body.split())[:_LONGEST_SUBJECT]
    if not subject.isprintable():
        subject = "".join(sign for sign in subject if sign.isprintable() or sign in "\u200c\u200d\u200e\u200f")
    if not subject:
        raise Faulty("no_subject")
    return subject


def stencil(shared: Mapping[str, Any], made: Draft | None = None) -> Stencil:
    """Make the stencil of what a channel shares; raise Refused for a content that cannot become a letter."""
    content = shared["content"]
    tracking = shared.get("tracking")
    made = made or draft(content, tracking)
    reply_to = str(content.get("reply_to") or "").strip()
    return Stencil(
        read_sender(str(shared["sender"])),
        normalise(reply_to) if reply_to else "",
        made.html,
        made.text,
        tuple(shared.get("files") or ()),
        tuple(shared.get("keys") or ()),
        str(shared.get("organisation") or 0),
        made.needs_way_out,
        tracking,
        made.targets,
        str(content.get("answers") or ""),
    )


_kept: OrderedDict[int, tuple[Mapping[str, Any], Stencil]] = OrderedDict()
_lock = threading.Lock()


def compose(shared: Mapping[str, Any] | None) -> Stencil:
    """Return the stencil of what a channel shares, made once for as long as `shared` is the same object.

    Raises Faulty where there is nothing to make it from.
    """
    if shared is None:
        raise Faulty("content_missing")
    kept = _kept.get(id(shared))
    if kept is not None:
        return kept[1]
    try:
        fresh = stencil(shared)
    except (Refused, KeyError):
        raise Faulty("content_unusable") from None
    with _lock:  # several connections make letters in threads
        while len(_kept) >= _KEPT:
            _kept.popitem(last=False)
        _kept[id(shared)] = (shared, fresh)
    return fresh


def field_names(made: Draft) -> frozenset[str]:
    """Return the names of all values a content substitutes, its own included."""
    return names([made.subject, made.html, made.text])
