"""Mail that comes back: real notifications, complaints, answers of people, and what strangers make up."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from connectpulse_email.bounces import replies, verp
from connectpulse_email.bounces.reading import events
from connectpulse_email.bounces.reports import Keys
from connectpulse_email.sink.record import Taken
from connectpulse_email.sink.reports import complaint, returned
from email_scene import DOMAIN, KEY, URDU, letter
from hypothesis import given, settings
from hypothesis import strategies as st

from connectpulse.core.api import Inbound, MessageState, Receipt

KEYS = Keys(DOMAIN, KEY)
RETURN = verp.address("1f-1", DOMAIN, KEY)
TAKEN = Taken(RETURN, "amina@example.com", b"From: Acme <news@acme.example>\r\nSubject: Hello\r\n\r\nHello\r\n")
POSTFIX = (Path(__file__).parent / "peers" / "dsn.eml").read_bytes()


def told(raw: bytes, *recipients: str, sender: str | None = "") -> list[Receipt | Inbound]:
    return events(raw, KEYS, sender=sender, recipients=recipients)


def person(text: str = "Yes please", **headers: str) -> bytes:
    mail = EmailMessage()
    said = {"From": "Amina <amina@example.com>", "To": "news@acme.example", "Subject": "Re: Hello",
            "Message-ID": "<1@example.com>", "Date": "Thu, 26 Nov 2020 04:37:03 +0500"} | headers  # fmt: skip
    for name, value in said.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def test_a_real_notification_of_postfix_is_read() -> None:
    raw = POSTFIX.replace(b"b+1=tok@our.test", RETURN.encode())
    assert told(raw, RETURN) == [
        Receipt("1f-1", MessageState.UNDELIVERABLE, "5.7.1", "refused_by_policy", suppress=False, token="1f")
    ]
    assert told(raw, "postmaster@acme.example") == told(raw, RETURN), "the headers it quotes prove it as well"


def test_what_nobody_proves_tells_nothing() -> None:
    assert told(POSTFIX, "b+1=tok@our.test") == []
    forged = RETURN.replace("1f-1", "20-1")
    for address in (forged, RETURN.replace(DOMAIN, "elsewhere.example"), "news@acme.example"):
        assert told(POSTFIX.replace(b"b+1=tok@our.test", address.encode()), address) == []
    assert verp.read(RETURN, DOMAIN, "another key") is None
    assert verp.read(RETURN, DOMAIN, "") is None


@pytest.mark.parametrize(
    ("status", "reason", "is_hard"),
    [("5.1.1", "unknown_recipient", True), ("5.2.2", "mailbox_full", False), ("5.1.10", "domain_takes_no_mail", True),
     ("5.4.4", "undeliverable", False), ("5.7.1", "refused_by_policy", False)],
)  # fmt: skip
def test_a_notification_says_whether_the_address_is_gone(status: str, reason: str, is_hard: bool) -> None:
    raw = returned(TAKEN, status)
    (receipt,) = told(raw, RETURN)
    assert receipt == Receipt("1f-1", MessageState.UNDELIVERABLE, status, reason, suppress=is_hard, token="1f")


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("delayed", MessageState.SENT),
        ("Delivered", MessageState.DELIVERED),
        ("relayed", MessageState.SENT),
        ("odd", None),
    ],
)
def test_an_action_says_how_far_a_letter_came(action: str, state: MessageState | None) -> None:
    raw = returned(TAKEN, "4.4.1").replace(b"Action: failed", f"Action: {action}".encode())
    assert [receipt.state for receipt in told(raw, RETURN) if isinstance(receipt, Receipt)] == (
        [state] if state else []
    )


def test_a_general_status_gives_way_to_what_the_host_said() -> None:
    raw = returned(TAKEN, "5.1.1").replace(b"Status: 5.1.1", b"Status: 5.0.0")
    (receipt,) = told(raw, RETURN)
    assert isinstance(receipt, Receipt)
    assert (receipt.code, receipt.suppress) == ("5.1.1", True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("550 Client host [103.5.1.1] blocked", "5.0.0"),
        ("550-Message from 5.1.1.20 refused by policy", "5.0.0"),
        ("554 Blocked, see https://list.example/?ip=185.5.1.1", "5.0.0"),
        ("550 no thanks, 5.1.1.dsl.example", "5.0.0"),
        ("550 5.7.1 [185.5.1.1] refused", "5.7.1"),
        ("550 [5.1.1.20] is not welcome (5.7.1)", "5.7.1"),
        ("550 5.1.1.", "5.1.1"),
        ("550 Sorry, no mailbox here. (#5.1.1)", "5.1.1"),
        ("550-5.1.1 Unknown", "5.1.1"),
        ("550 Refused: code...5.7.26", "5.7.26"),
    ],
)
def test_an_address_of_a_host_is_no_code(said: str, code: str) -> None:
    raw = returned(TAKEN, "5.0.0").replace(b"550 5.0.0 It cannot be delivered", said.encode())
    (receipt,) = told(raw, RETURN)
    assert isinstance(receipt, Receipt)
    assert (receipt.code, receipt.suppress) == (code, code == "5.1.1")


def test_a_complaint_suppresses_whoever_complained() -> None:
    raw = complaint(TAKEN)
    expected = [Receipt("1f-1", MessageState.DELIVERED, "feedback", "complained", suppress=True, token="1f")]
    assert told(raw, RETURN) == told(raw, "abuse@acme.example") == expected
    assert told(raw.replace(b"abuse", b"not-spam", 1), RETURN) == []
    assert told(raw.replace(RETURN.encode(), b"news@acme.example"), "abuse@acme.example") == []


def test_an_old_server_writes_in_words() -> None:
    mail = person("Hi. This is the qmail-send program.\n<amina@example.com>:\nSorry, no mailbox here. (#5.1.1)\n",
                  From="MAILER-DAEMON@mx.example")  # fmt: skip
    (receipt,) = told(mail, RETURN)
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.code) == (MessageState.UNDELIVERABLE, "5.1.1")
    assert told(person("I am on holiday, see 5.1.1"), RETURN) == [], "a person's machine is no mail server"
    words = "Connected to 203.5.1.2 but sender was rejected.\nRemote host said: 550 5.7.1 our policy\n"
    (refused,) = told(person(words, From="MAILER-DAEMON@mx.example"), RETURN)
    assert isinstance(refused, Receipt)
    assert (refused.code, refused.suppress) == ("5.7.1", False)


def test_what_a_person_answers_is_theirs_alone() -> None:
    text = f"STOP\n{URDU}\n\nOn Mon, 23 Nov 2026 at 18:17, Acme News <news@acme.example> wrote:\n> Hello\n> STOP\n"
    (written,) = told(person(text), "news@acme.example", sender="amina@example.com")
    assert isinstance(written, Inbound)
    assert (written.address, written.recipient, written.text) == (
        "amina@example.com",
        "news@acme.example",
        f"STOP\n{URDU}",
    )
    assert written.reference == "<1@example.com>"
    assert written.received_at is not None
    assert written.received_at.isoformat() == "2020-11-25T23:37:03+00:00"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes\n\n-- \nAmina\nLahore", "Yes"),
        ("Yes\n\n-----Original Message-----\nFrom: x", "Yes"),
        ("Ja\n\nAm 23.11.2026 um 18:17 schrieb Acme:\n> Hallo", "Ja"),
        ("Yes\n\nFrom: Acme <news@acme.example>\nSent: Monday", "Yes"),
        ("> first the quote\nthen me", "then me"),
        ("Yes\x00\x1b[31m", "Yes[31m"),
        ("", ""),
    ],
)
def test_quotes_and_signatures_are_left_out(text: str, own: str) -> None:
    assert replies.own_words(text) == own


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", ["\n\n>", "\n", " " * 299 + "\n"], ids=["quotes", "empty", "blank"])
def test_an_answer_of_megabytes_is_read_in_one_pass(line: str) -> None:
    text = line * (2_000_000 // len(line))
    assert replies.own_words(f"{text}\nhello") == "hello"
    (written,) = told(person(f"{text}\nhello"), "news@acme.example", sender="amina@example.com")
    assert isinstance(written, Inbound)
    assert written.text == "Re: Hello", "nobody reads that far"


def test_an_empty_text_beside_html_says_nothing() -> None:
    for empty in ("", "\n", " \u200b\n\ufeff"):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "amina@example.com", "news@acme.example", "Re: News"
        mail.set_content(empty)
        mail.add_alternative("<p>STOP</p>", subtype="html")
        (written,) = told(mail.as_bytes(), "news@acme.example", sender="amina@example.com")
        assert isinstance(written, Inbound)
        assert written.text == "STOP"


def test_html_alone_is_read_and_a_subject_alone_too() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "amina@example.com", "news@acme.example", "STOP"
    mail.set_content("<p>Please <b>stop</b></p><blockquote>Hello</blockquote>", subtype="html")
    (written,) = told(mail.as_bytes(), "news@acme.example", sender="amina@example.com")
    assert isinstance(written, Inbound)
    assert written.text.startswith("Please stop")
    (bare,) = told(person("\n"), "news@acme.example", sender="a@example.com")
    assert isinstance(bare, Inbound)
    assert bare.text == "Re: Hello"


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.y>"}, {"X_Autoreply": "yes"},
     {"From": "noreply@example.com"}, {"From": "MAILER-DAEMON@example.com"}],
)  # fmt: skip
def test_machines_are_not_people(headers: dict[str, str]) -> None:
    assert told(person(**headers), "news@acme.example", sender="amina@example.com") == []
    assert told(person(), "news@acme.example", sender="") == [], "the null sender"


@pytest.mark.parametrize("name", ["bouncer.ali", "reno-reply", "trampoline-bounce-shop", "postmasters", "casino.reply"])
def test_people_are_not_machines_for_their_names(name: str) -> None:
    (written,) = told(person("STOP", From=f"{name}@example.com"), "news@acme.example", sender=f"{name}@example.com")
    assert isinstance(written, Inbound)
    assert written.text == "STOP"


@pytest.mark.parametrize(
    "name",
    ["no-reply", "NoReply", "news-noreply", "noreply.pk", "noreply2", "do-not-reply", "donotreply", "postmaster",
     "MAILER-DAEMON", "bounce", "bounces+1f", "bounce-7"],
)  # fmt: skip
def test_machines_are_known_by_their_names(name: str) -> None:
    assert told(person("STOP", From=f"{name}@example.com"), "news@acme.example", sender=f"{name}@example.com") == []


def nested(depth: int, naming: str = "boundary=") -> bytes:
    heads = "".join(f'Content-Type: multipart/mixed; {naming}"b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"From: a@example.com\nTo: {RETURN}\n{heads}\nhello".encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x00" * 1000, b"\xff\xfe", nested(50), nested(600), b"From: =?utf-8?b?////?=\n\n\xff",
        b"Content-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\nFrom: a@b.org\n\n!!!!",
        b"Content-Type: multipart/report; report-type=delivery-status\n\nno parts",
        b"Content-Type: message/delivery-status\n\nAction: failed\nStatus: 5.1.1\n",
        b"Content-Type: multipart/mixed; boundary=x\nFrom: a@b.org\n\n" + b"--x\n\nhi\n" * 3_000,
        b"From: a@b.org\nDate: Thu, 99 Foo 99999 99:99:99 +9999\nSubject: =?x?q?=?=\n\nhi",
        b"From: " + b"a@b.org," * 5_000 + b"\n\nhi",
        b"Content-Type: text/html\nFrom: a@b.org\n\n" + b"<div>" * 3_000,
    ],
    ids=range(13),
)  # fmt: skip
def test_hostile_mail_is_read_or_left_and_never_raises(raw: bytes) -> None:
    found = told(raw, RETURN)
    assert not any(isinstance(each, Receipt) and each.suppress for each in found) or b"delivery-status" in raw
    told(raw, "news@acme.example", sender="a@b.org")


@pytest.mark.parametrize("naming", ["boundary=", "BOUNDARY=", "Boundary =", "boundarY*0="])
def test_parts_within_parts_have_an_end_however_they_are_written(naming: str) -> None:
    for depth, count in ((10, 1), (31, 0)):
        assert len(told(nested(depth, naming), "news@acme.example", sender="a@example.com")) == count


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.binary(max_size=400), st.integers(0, 2000))
def test_a_damaged_notification_never_raises(noise: bytes, place: int) -> None:
    raw = POSTFIX.replace(b"b+1=tok@our.test", RETURN.encode())
    told(raw[:place] + noise + raw[place:], RETURN)


def test_a_reference_names_its_message() -> None:
    sent = letter(2**63 - 1, attempt=3)
    assert verp.token(verp.reference(sent.message_id, sent.attempt)) == sent.token
    for foreign in ("", "1f", "-1", "1f-", "x-1", "1f-1-1", "1F-1 ", "0x1f-1", "1" * 17 + "-1"):
        assert verp.token(foreign) == ""


def test_a_return_address_survives_what_relays_do_to_it() -> None:
    for written in (RETURN, RETURN.upper(), f"<{RETURN}>", f" {RETURN} "):
        assert verp.read(written, DOMAIN, KEY) == "1f-1"
    assert len(verp.address(verp.reference(2**63 - 1, 9999), DOMAIN, KEY).partition("@")[0]) <= 64
