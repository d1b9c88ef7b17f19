"""Whole messages as bytes (RFC 5322, RFC 2045): prepared once per stencil, joined from pieces per recipient."""

import re
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from connectpulse.core.api import Submission

from . import dkim
from .letter import Attachment, Stencil, subject_of
from .quoting import LINE_ENDS, based, is_better_based, mailbox, parameter, quoted, words
from .slots import Mould, Slot, Values, written

Header = tuple[bytes, bytes]
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


class _Paper(NamedTuple):
    """What a stencil's messages have in common, encoded."""

    sender: bytes
    content_type: bytes
    body: Callable[[Values], bytes]


_papers: "WeakKeyDictionary[Stencil, _Paper]" = WeakKeyDictionary()


def write(stencil: Stencil, submission: Submission, *, is_signed: bool = True) -> bytes:
    """Return the message for one recipient, signed if its sender has a key; raise Faulty where it cannot be made.

    Its lines end with CRLF, none is longer than 998 bytes, none begins with a dot.
    """
    headers, body = _parts(stencil, submission)
    signatures = [dkim.sign(key, headers, body) for key in stencil.keys] if is_signed else []
    lines = [name + b": " + value + b"\r\n" for name, value in (*signatures, *headers)]
    return b"".join([*lines, b"\r\n", body])


def message_id(stencil: Stencil, submission: Submission) -> str:
    """Return a message's own id, the same whenever it is made."""
    return f"<{submission.token}.{stencil.organisation}@{stencil.sender.domain}>"


def _parts(stencil: Stencil, submission: Submission) -> tuple[list[Header], bytes]:
    paper = _papers.get(stencil)
    if paper is None:
        paper = _papers[stencil] = _prepare(stencil)
    values = stencil.values(submission)
    headers = [
        (b"Date", _date(int(time.time()))),
        (b"From", paper.sender),
        (b"To", submission.address.encode()),
        (b"Subject", words(subject_of(submission))),
        (b"Message-ID", message_id(stencil, submission).encode()),
        *[(name.encode(), value.encode()) for name, value in stencil.headers(submission).items()],
        (b"MIME-Version", b"1.0"),
        (b"Content-Type", paper.content_type),
    ]
    return headers, paper.body(values)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return format_datetime(datetime.fromtimestamp(second, UTC)).encode()


def _prepare(stencil: Stencil) -> _Paper:
    boundary = b"=_" + secrets.token_hex(12).encode()
    text = _text_part(b"plain", stencil.text)
    html = _text_part(b"html", stencil.html)
    dashes = b"--" + boundary

    def alternative(values: Values) -> bytes:
        return b"".join(
            [dashes, b"\r\n", text(values), b"\r\n", dashes, b"\r\n", html(values), b"\r\n", dashes, b"--\r\n"]
        )

    kind = b'multipart/alternative; boundary="' + boundary + b'"'
    if not stencil.attachments:
        return _Paper(mailbox(*stencil.sender), kind, alternative)
    return _with_files(stencil, kind, alternative)


def _with_files(stencil: Stencil, kind: bytes, alternative: Callable[[Values], bytes]) -> _Paper:
    boundary = b"=_" + secrets.token_hex(12).encode()
    opening = b"--" + boundary + b"\r\nContent-Type: " + kind + b"\r\n\r\n"
    closing = b"--" + boundary + b"--\r\n"
    files = b"".join(b"--" + boundary + b"\r\n" + _file_part(each) for each in stencil.attachments)

    def body(values: Values) -> bytes:
        return b"".join([opening, alternative(values), files, closing])

    return _Paper(mailbox(*stencil.sender), b'multipart/mixed; boundary="' + boundary + b'"', body)


def _file_part(attachment: Attachment) -> bytes:
    media_type = attachment.media_type if _MEDIA_TYPE.fullmatch(attachment.media_type) else "application/octet-stream"
    lines = (
        b"Content-Type: " + media_type.encode(),
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: attachment; " + parameter("filename", attachment.name),
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + based(attachment.content)


def _text_part(subtype: bytes, mould: Mould) -> Callable[[Values], bytes]:
    """Return what writes a text with its headers for one recipient."""
    literal = "".join(piece for piece in mould.pieces if isinstance(piece, str))
    encoding = b"base64" if is_better_based(literal) else b"quoted-printable"
    head = b"\r\n".join(
        (b"Content-Type: text/" + subtype + b"; charset=utf-8", b"Content-Transfer-Encoding: " + encoding, b"\r\n")
    )
    if encoding == b"base64":
        return lambda values: head + based(LINE_ENDS.sub("\r\n", mould.fill(values)).encode())
    pieces: Sequence[bytes | Slot] = [
        quoted(piece, is_joined=place + 1 < len(mould.pieces)) if isinstance(piece, str) else piece
        for place, piece in enumerate(mould.pieces)
    ]
    return lambda values: head + b"".join([
        piece if isinstance(piece, bytes) else quoted(written(piece, values), is_joined=True) for piece in pieces
    ])  # fmt: skip
