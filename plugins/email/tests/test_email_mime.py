"""Letters as bytes: what goes in comes out of another's parser, signatures verify, and no value reaches a header."""

import re
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import dkim
import pytest
from connectpulse_email import mime
from connectpulse_email.domains import _pair
from connectpulse_email.letter import Attachment, Faulty, SigningKey, compose
from email_scene import STOP, URDU, letter, read, shared, texts

from connectpulse.core.api import Submission

PAIRS = {name: _pair(name) for name in ("rsa", "ed25519")}
ODD = (
    "Amina",
    "آمنہ خان 🌙",
    ".dot  two ",
    "",
    "=\r\n.\r\n=20",
    "x" * 300 + "\n.\nFrom me",
    "a\r\n\r\nb",
    "%s {{ name }} \x00",
)
BODIES = {
    "latin": "<p>Dear {{ name }}, a  b\t= c.</p>\n" * 40,
    "urdu": f"<p>{URDU} {{{{ name }}}}</p>" * 40,
    "odd lines": "<pre>.\n..\n.a {{ name }}.\nFrom x\n \n\t\n" + "é" * 200 + "</pre>",
    "one long line": "<p>" + "word " * 3000 + "{{ name }}</p>",
    "plain": "<p>Hello</p>",
}


def published(domain: bytes, timeout: int = 5) -> bytes | None:
    """Answer like the DNS of acme.example."""
    found = re.fullmatch(rb"(\w+)\._domainkey\.acme\.example\.", domain)
    name = found[1].decode() if found else ""
    return f"v=DKIM1; k={name}; p={PAIRS[name][1]}".encode() if name in PAIRS else None


def keys(*names: str) -> tuple[SigningKey, ...]:
    return tuple(SigningKey("acme.example", name, PAIRS[name][0]) for name in names)


def made(submission: Submission) -> bytes:
    return mime.write(compose(submission.shared), submission)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("signing", [("rsa",), ("ed25519",), ("rsa", "ed25519")], ids=str)
def test_whatever_goes_in_comes_out_signed(body: str, signing: tuple[str, ...]) -> None:
    paper = shared(body, keys(*signing), footer=URDU)
    for name in ODD:
        sent = letter(values={"name": name}, body=f"{name} {URDU}", shared=paper)
        raw, filled = made(sent), compose(paper).fill(sent)
        assert raw.isascii()
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert b"\r\n." not in raw
        assert b"\n" not in raw.replace(b"\r\n", b"")
        mail = read(raw)
        assert not mail.defects
        assert texts(mail) == tuple(re.sub(r"\r\n?", "\n", text) for text in (filled.text, filled.html))
        assert mail["Subject"] == filled.subject
        verifier = dkim.DKIM(raw)
        for place in range(len(signing)):
            assert verifier.verify(place, dnsfunc=published)


def test_a_signature_covers_what_must_not_change() -> None:
    raw = made(letter(shared=shared(keys=keys("rsa"))))
    signed = re.search(rb" h=([^;]+);", raw)
    assert signed
    names = signed[1].lower().split(b":")
    assert {b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post"} <= set(names)
    assert names.count(b"from") == 2
    for change in (
        (b"Hello", b"Hullo"), (b"stop/1f", b"stop/2f"), (b"To: amina", b"To: zamina"), (b"One-Click", b"Two-Click"),
    ):  # fmt: skip
        assert not dkim.verify(raw.replace(*change), dnsfunc=published)
    assert not dkim.verify(b"From: evil@example.org\r\n" + raw, dnsfunc=published)
    relayed = raw.replace(b"Subject: Hello", b"Subject:   Hello \r\n").replace(
        b"Subject:   Hello \r\n\r\n", b"Subject:   Hello \r\n"
    )
    assert dkim.verify(relayed, dnsfunc=published), "relaxed blanks"


def test_headers_are_those_of_bulk_mail() -> None:
    mail = read(made(letter(31)))
    assert mail["From"] == "Acme News <news@acme.example>" or mail["From"] == '"Acme News" <news@acme.example>'
    assert mail["To"] == "amina0031@example.com"
    assert mail["List-Unsubscribe"] == f"<{STOP}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Feedback-ID"] == "5:7:promotional:connectpulse"
    assert (mail["Precedence"], mail["Auto-Submitted"], mail["MIME-Version"]) == ("bulk", "auto-generated", "1.0")
    assert mail["Message-ID"] == "<1f.7@acme.example>"
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    receipt = read(made(letter(way_out="", purpose="transactional", campaign_id=None)))
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "Precedence"} & set(receipt)
    assert "Unsubscribe" not in "".join(texts(receipt))


@pytest.mark.parametrize(
    "subject",
    ["Hi\r\nBcc: all@example.com", "Hi\nBcc: all@example.com", "Hi\x0bBcc:\x85x\u2028Bcc: y", "=?utf-8?b?QmNjOg==?=",
     "Hi\x00 there", "a" * 600, "long words " * 40, URDU * 10],
)  # fmt: skip
def test_a_subject_stays_one_line(subject: str) -> None:
    raw = made(letter(body=subject))
    mail = read(raw)
    assert "Bcc" not in mail
    assert str(mail["Subject"]) == compose(letter().shared).fill(letter(body=subject)).subject
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert set(mail) <= {
        "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "Precedence", "Feedback-ID",
        "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    }  # fmt: skip


def test_files_go_with_a_letter() -> None:
    files = (
        Attachment('price "list" قیمت.pdf', "application/pdf", bytes(range(256)) * 300),
        Attachment("a.txt", "text/plain\r\nX-Evil: 1", b"x"),
    )
    paper = shared(keys=keys("rsa"), files=files)
    raw = made(letter(shared=paper))
    assert dkim.verify(raw, dnsfunc=published)
    mail = read(raw)
    assert [(part.get_filename(), part.get_content_type()) for part in mail.iter_attachments()] == [
        (files[0].name, "application/pdf"), ("a.txt", "application/octet-stream"),
    ]  # fmt: skip
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [each.content for each in files]
    assert "Hello Amina" in texts(mail)[0]


@pytest.mark.parametrize(
    "name",
    ["Price list  2026.pdf", " two  blanks  ", "tab\t\tbed.pdf", "a.pdf ", ".hidden", "From me", "", "'*%;=",
     "a" * 200, "a" * 2000, "ف" * 190 + ".pdf", "🌙" * 190 + ".pdf", "é  " * 60, "قیمتوں کی فہرست.pdf"],
)  # fmt: skip
def test_no_name_of_a_file_spoils_a_line_or_the_signature(name: str) -> None:
    raw = made(letter(shared=shared(keys=keys("rsa", "ed25519"), files=(Attachment(name, "application/pdf", b"x"),))))
    body = raw.partition(b"\r\n\r\n")[2]
    assert not re.search(rb"[ \t]{2}|\t|[ \t]\r\n", body), "relaxing would change it (RFC 6376 section 3.4.4)"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    verifier = dkim.DKIM(raw)
    assert all(verifier.verify(place, dnsfunc=published) for place in range(2))
    (part,) = read(raw).iter_attachments()
    old = message_from_bytes(part.as_bytes())
    assert part.get_filename() == old.get_filename() == name.strip(), "blanks around a name go as it is read"
    assert not part["Content-Disposition"].defects


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shared": None}, "content_missing"),
        ({"shared": {"content": {"subject": "s", "html": "{{"}, "sender": "a@b.org"}}, "content_unusable"),
        ({"shared": {"content": {"subject": "s", "html": "x"}, "sender": "nobody"}}, "content_unusable"),
        ({"extra": {"values": "none"}}, "values_unreadable"),
        ({"body": " \r\n"}, "no_subject"),
        ({"shared": shared('<a href="{{ stop_link }}">x</a>'), "way_out": ""}, "no_way_out"),
    ],
)
def test_what_cannot_be_made_whole_says_why(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Faulty) as fault:
        made(letter(**changes))
    assert fault.value.reason == reason


def test_a_stencil_is_made_once_for_the_same_paper() -> None:
    paper = shared()
    assert compose(paper) is compose(paper)
    assert compose(dict(paper)) is not compose(paper)


def test_a_key_is_not_told_by_what_holds_it() -> None:
    paper = shared(keys=keys("rsa"))
    assert "PRIVATE" not in repr(paper) + repr(compose(paper))
