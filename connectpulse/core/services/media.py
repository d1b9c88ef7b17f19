"""What a file is, by its own bytes: what it is called and said to be must agree with them."""

import mimetypes
from collections.abc import Sequence

import filetype

from ..errors import Refused

_BY_NAME = mimetypes.MimeTypes()
"""The same on every machine, whatever is installed there."""
_BY_NAME.add_type("text/calendar", ".ics")
_ANY = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Said of a file by those who do not know."""
_SAME = {
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/apng": "image/png",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/vnd.microsoft.icon": "image/x-icon",
    "text/rtf": "application/rtf",
    "video/x-m4v": "video/mp4",
}
"""Other names of media types."""
_OFFICE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")
_OLD_OFFICE = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
_ALIKE: Sequence[tuple[str, ...]] = (
    ("application/zip", "application/epub+zip", *_OFFICE),
    _OLD_OFFICE,
    ("audio/ogg", "audio/opus", "video/ogg", "application/ogg"),
    ("audio/mp4", "video/mp4", "video/quicktime", "audio/3gpp", "video/3gpp"),
    ("audio/webm", "video/webm", "video/x-matroska"),
)
"""Beginnings of media types whose files begin alike, so that of these what is said is believed."""
_KEPT = ("image/", "audio/", "video/", "text/", "application/pdf", "application/rtf", "application/zip",
         "application/json", *_ALIKE[0], *_OLD_OFFICE)  # fmt: skip
_TEXTS = ("text/", "application/json")
_SPOKEN = {"application/vnd.ms-excel": "text/csv"}
"""What some browsers say of a text."""


def media_type(name: str, content: bytes, said: str = "") -> str:
    """Return the media type of a file, like `image/png`; raise Refused where its bytes tell otherwise.

    `said` is what whoever sent it says of it; without that its name says it.
    """
    stated = _canonical(said)
    if stated in _ANY:
        stated = _canonical(_BY_NAME.guess_type(name)[0] or "")
    found = _canonical(filetype.guess_mime(content) or "")
    kind = _seen(name, stated, found) if found else _text(name, stated, content)
    if not kind.startswith(_KEPT):
        raise Refused(f"{name}: files of the kind {kind} are not kept here.")
    return kind


def _canonical(kind: str) -> str:
    plain = kind.partition(";")[0].strip().lower()
    return _SAME.get(plain, plain)


def _seen(name: str, stated: str, found: str) -> str:
    if stated in _ANY or stated == found:
        return found
    if any(stated.startswith(kinds) and found.startswith(kinds) for kinds in _ALIKE):
        return stated
    raise Refused(f"{name}: this should be {stated}, but what is in it is {found}. Give it its right ending.")


def _text(name: str, stated: str, content: bytes) -> str:
    kind = _SPOKEN.get(stated, stated)
    if kind in _ANY:
        kind = "text/plain"
    if not kind.startswith(_TEXTS):
        raise Refused(f"{name}: this should be {kind}, but what is in it is not.")
    try:
        content.decode()
    except UnicodeDecodeError:
        raise Refused(f"{name}: this is neither a known kind of file nor a text in UTF-8.") from None
    if b"\x00" in content:
        raise Refused(f"{name}: this is neither a known kind of file nor a text in UTF-8.")
    return kind
