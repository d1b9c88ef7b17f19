"""What a file is: its bytes decide, and whoever says otherwise is refused."""

import io
import zipfile

import pytest

from connectpulse.core.errors import Refused
from connectpulse.core.services import media
from tests.plugins.poster import PDF, PNG


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("anything.txt", "Salaam")
    return made.getvalue()


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
OGG = b"OggS" + bytes(40)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("name", "content", "said", "kind"),
    [
        ("logo.png", PNG, "image/png", "image/png"),
        ("logo", PNG, "", "image/png"),
        ("logo.bin", PNG, "application/octet-stream", "image/png"),
        ("photo.jpg", JPEG, "image/jpg", "image/jpeg"),
        ("price.pdf", PDF, "application/x-pdf; name=price.pdf", "application/pdf"),
        ("offer.docx", _zip(), DOCX, DOCX),
        ("all.zip", _zip(), "", "application/zip"),
        ("voice.ogg", OGG, "audio/ogg", "audio/ogg"),
        ("people.csv", "Amina,لاہور\n".encode(), "application/vnd.ms-excel", "text/csv"),
        ("day.ics", b"BEGIN:VCALENDAR\r\n", "", "text/calendar"),
        ("note", b"Salaam", "", "text/plain"),
    ],
)
def test_a_file_is_what_it_says_and_holds(name: str, content: bytes, said: str, kind: str) -> None:
    assert media.media_type(name, content, said) == kind


@pytest.mark.parametrize(
    ("name", "content", "said", "sentence"),
    [
        ("logo.png", JPEG, "image/png", "should be image/png, but what is in it is image/jpeg"),
        ("logo.png", PDF, "", "should be image/png"),
        ("logo.png", b"Salaam", "image/png", "should be image/png, but what is in it is not"),
        ("voice.ogg", PNG, "audio/ogg", "should be audio/ogg"),
        ("note.txt", b"\xff\xfe\x00", "text/plain", "neither a known kind of file nor a text"),
        ("note.txt", b"a\x00b", "text/plain", "neither a known kind of file nor a text"),
        ("setup.exe", b"MZ" + bytes(60), "", "are not kept here"),
        ("drawing.svg", b"<svg onload='x()'/>", "image/svg+xml", "should be image/svg"),
    ],
)
def test_what_is_something_else_is_refused(name: str, content: bytes, said: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        media.media_type(name, content, said)
