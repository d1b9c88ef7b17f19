"""The channel in the house: a campaign with files and a key from launch to receipts, and keys that come and go."""

import asyncio
import re
from typing import Any

import dkim
import pytest
from connectpulse_email import domains
from connectpulse_email.bounces import weary
from connectpulse_email.channel import EmailChannel
from connectpulse_email.letter import compose
from connectpulse_email.mime import write
from connectpulse_email.models import DomainKey
from connectpulse_email.trial import TrialProvider
from email_scene import SENDER, URDU, Inbox, read, texts
from sqlalchemy import select

from connectpulse.core.api import CampaignFacts, Inbound, Purpose, Refused, Work, platform_scope
from connectpulse.core.domain import form
from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    files,
    jobs,
    quotes,
    records,
    senders,
    singles,
    templates,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import ContactList, InboundMessage, Message, Suppression
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR, verbs

SITE = "https://pulse.example.org"
CHANNEL = EmailChannel()
CONTENT = {"subject": "Hi {{ name }}", "html": f"<p>{URDU} {{{{ name }}}}</p>", "footer": "Acme, Lahore"}


@pytest.fixture
def desk(house: House) -> ServiceDesk:
    return ServiceDesk(house.work, "postman", SITE)


def line(house: House) -> int:
    """Set up a connection to the simulator and a route over it; return the connection's id."""
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Letters", "email_simulator", {"receipt_delay": 0})
        connections.create_route(work, made.id)
        return made.id


def run_jobs(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        due = jobs.due(work)
    for job_id in due:
        jobs.run(house.work, job_id, "postman")


def launched(house: House, organisation: int, names: list[str], content: dict[str, Any]) -> None:
    """Launch a campaign to contacts of these names, and expand it."""
    line(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        everybody = records.create(work, ContactList(name="All"), "list.created")
        for name in names:
            person = contacts.Person(name.title(), [("email", f"{name}@example.com")], {})
            contacts.create(work, person, [everybody.id])
        template = templates.create(work, "News", "email", content)
        sender = senders.create(work, "email", "address", SENDER, purposes=["promotional"])
        draft = Draft("Spring", "email", "promotional", template.id, sender.id, [everybody.id])
        campaign_id = campaigns.create(work, draft).id
        quotes.request(work, campaign_id)
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        quote = quotes.latest(work, campaign_id)
        assert quote is not None
        campaigns.launch(work, campaign_id, quote.id)
    run_jobs(house)


def carried(desk: ServiceDesk, connection_id: int) -> list[Any]:
    """Hand everything over that waits, to the simulator, and take its reports in; return the submissions."""
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 100).batch
    assert batch is not None
    inbox = Inbox()

    async def send() -> Any:
        provider = TrialProvider({"receipt_delay": 0}, inbox)
        outcomes = await provider.send_batch(batch.submissions)
        await provider.close()
        return outcomes

    hand.turn(batch, asyncio.run(send()), 0)
    desk.take_in(connection_id, inbox.events)
    return list(batch.submissions)


def states(house: House, organisation: int) -> dict[str, tuple[int, str]]:
    with house.work(ADMINISTRATOR, organisation) as work:
        return {each.address: (each.state, each.reason) for each in work.session.scalars(select(Message))}


def test_a_campaign_goes_from_launch_to_bounce_with_its_files_signed(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        key = domains.use(work, domains.make(work, "acme.example").id)
        record = domains.record_value(key)
        kept = files.keep(work, "prices.txt", b"one rupee\n")
    launched(house, organisation, ["amina", "gone93", "angry95"], CONTENT | {"attachments": [kept.id]})
    letters = carried(desk, desk.lines()[0].connection_id)
    raw = write(compose(letters[0].shared), letters[0])
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record.encode())
    mail = read(raw)
    assert mail["Subject"] == "Hi Amina"
    assert mail["Feedback-ID"].split(":")[:2] == [str(letters[0].campaign_id), str(organisation)]
    assert mail["List-Unsubscribe"].startswith(f"<{SITE}/stop/")
    assert f"{URDU} Amina" in texts(mail)[1]
    assert [part.get_content() for part in mail.iter_attachments()] == ["one rupee\n"]
    assert states(house, organisation) == {
        "amina@example.com": (20, ""),
        "gone93@example.com": (12, "unknown_recipient"),
        "angry95@example.com": (20, ""),
    }
    with house.work(ADMINISTRATOR, organisation) as work:
        held = {each.value: each.reason for each in work.session.scalars(select(Suppression))}
    assert held == {"gone93@example.com": "undeliverable", "angry95@example.com": "complained"}


def test_a_mailbox_that_stays_full_is_left_alone_after_the_third_bounce(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    connection_id = line(house)
    for number in range(1, 4):
        with house.work(ADMINISTRATOR, organisation) as work:
            singles.queue(
                work, channel=work.registry.channel("email"), sender=SENDER, address="full92@example.com",
                content=CONTENT, purpose=Purpose.TRANSACTIONAL, values={"name": "Amina"},
            )  # fmt: skip
        carried(desk, connection_id)
        with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
            assert weary.look(work) is False
        with house.work(ADMINISTRATOR, organisation) as work:
            held = [each.value for each in work.session.scalars(select(Suppression))]
        assert held == (["full92@example.com"] if number == 3 else [])
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
        weary.look(work)
    with house.work(ADMINISTRATOR, organisation) as work:
        assert verbs(work).count("suppression.created") == 1


def test_a_key_waits_signs_and_retires(work: Work) -> None:
    first = domains.make(work, " Acme.Example. ")
    assert (first.domain, first.state) == ("acme.example", "waiting")
    assert domains.keys_for(work, SENDER) == ()
    domains.use(work, first.id)
    domains.use(work, first.id)
    (key,) = domains.keys_for(work, "Acme <a@mail.acme.example>")
    assert (key.domain, key.selector) == ("acme.example", first.selector)
    second = domains.rotate(work, "acme.example")
    assert domains.keys_for(work, SENDER)[0].selector == first.selector
    with pytest.raises(Refused, match="waits for its record"):
        domains.rotate(work, "acme.example")
    domains.use(work, second.id)
    assert domains.keys_for(work, SENDER)[0].selector == second.selector
    assert first.state == "retired"
    with pytest.raises(Refused, match="retired"):
        domains.use(work, first.id)
    domains.remove(work, first.id)
    assert [each.id for each in domains.keys(work)] == [second.id]
    assert domains.record_name(second) == f"{second.selector}._domainkey.acme.example"
    assert {"email.key_made", "email.key_used", "email.key_retired", "email.key_removed"} <= set(verbs(work))
    raw = work.session.connection().exec_driver_sql("SELECT secrets FROM email_domain").scalar_one()
    assert b"PRIVATE KEY" not in bytes(raw)


@pytest.mark.parametrize("domain", ["", "acme", "a b.example", "acme.example/x", "user@acme.example", "-.example"])
def test_what_is_no_domain_gets_no_key(work: Work, domain: str) -> None:
    with pytest.raises(Refused, match="write it like"):
        domains.make(work, domain)
    assert work.session.scalars(select(DomainKey)).all() == []


def test_other_kinds_of_keys(work: Work) -> None:
    key = domains.make(work, "bücher.example", "ed25519")
    assert key.domain == "xn--bcher-kva.example"
    assert domains.record_value(key).startswith("v=DKIM1; k=ed25519; p=")
    with pytest.raises(Refused, match="choose one"):
        domains.make(work, "other.example", "rsa-512")


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("news@Acme.Example", "", "news@acme.example"),
        ("Acme News <news@acme.example>", "Acme News", "news@acme.example"),
        ('"Acme, Inc." <news@acme.example>', "Acme, Inc.", "news@acme.example"),
        ("خبریں <news@bücher.example>", "خبریں", "news@xn--bcher-kva.example"),
    ],
)
def test_senders_have_names_and_addresses(value: str, name: str, address: str) -> None:
    from connectpulse_email.senders import check_sender, read_sender

    assert check_sender(value) is None
    assert read_sender(value) == (name, address)


@pytest.mark.parametrize(
    "value",
    ["", "Acme", "a@b.org\r\nBcc: c@d.org", "Acme <a@b.org> <c@d.org>", "a@b.org, c@d.org",
     "x" * 80 + " <a@b.org>", "a@evil.org <a@b.org>"],
)  # fmt: skip
def test_what_is_no_sender_is_told(value: str) -> None:
    assert CHANNEL.sender_kinds[0].check(value)


def test_a_content_says_everything_that_is_wrong_at_once() -> None:
    content = form.read(CHANNEL.content_form, {
        "subject": "Hi {{ nobody }} {{ stop_link }}", "html": '<a href="javascript:x">x</a>', "reply_to": "nobody",
    })  # fmt: skip
    with pytest.raises(Refused) as refused:
        CHANNEL.check_content(content, frozenset({"name"}))
    said = " ".join(refused.value.problems)
    for part in ("javascript:x", "{{ nobody }} is not a field", "can only stand in the letter", "Replies to"):
        assert part in said
    assert CHANNEL.preview(content).warnings


def test_a_preview_shows_the_letter_with_its_places() -> None:
    preview = CHANNEL.preview(CONTENT | {"subject": "BIG SALE", "html": "<p>{{ name }}</p>" + "<p>long</p>" * 10_000})
    assert "[name]" in preview.document
    assert preview.document.startswith("<!DOCTYPE html>")
    assert [word in " ".join(preview.warnings) for word in ("102 KB", "capitals")] == [True, True]


def test_a_letter_looks_as_one_person_gets_it() -> None:
    content = CONTENT | {"subject": "Hello {{ name }}", "html": "<p>{{ name }}, {{ city }}</p>", "stop_label": "Leave"}
    preview = CHANNEL.preview_for(content, Purpose.TRANSACTIONAL, {"name": "<b>Zara"})
    assert "<p>&lt;b&gt;Zara, [city]</p>" in re.sub(r" style=\"[^\"]*\"", "", preview.document)
    assert dict(preview.figures)["Subject"] == "Hello <b>Zara"
    assert "Leave" not in preview.document
    assert "Leave" in CHANNEL.preview_for(content, Purpose.PROMOTIONAL, {}).document


def test_only_promotions_have_a_way_out() -> None:
    content = {"subject": "s", "html": '<a href="{{ stop_link }}">stop</a>'}
    for purpose in Purpose:
        facts = CampaignFacts(purpose, "address", frozenset({purpose}), content)
        assert bool(CHANNEL.objections(facts)) is (purpose is Purpose.TRANSACTIONAL)


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("STOP", True), ("  Unsubscribe.  \n\nSent from my phone", True), ("please remove me!", True),
        ("بند کریں۔", True),
        ("Stop by our shop", False), ("Thank you\nstop", False), ("", False), ("...", False), ("please", False),
    ],
)  # fmt: skip
def test_an_answer_that_asks_to_stop_is_heard(text: str, stops: bool) -> None:
    assert CHANNEL.reads_as_opt_out(text, CHANNEL.opt_out_words) is stops


def test_an_answer_goes_to_whose_sender_it_names(house: House, organisation: int, desk: ServiceDesk) -> None:
    connection_id = line(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        senders.create(work, "email", "address", SENDER, purposes=["promotional"])
    told = [Inbound("amina@example.com", "news@acme.example", "Unsubscribe", "<1@example.com>")]
    desk.take_in(connection_id, told)
    desk.take_in(connection_id, told)
    with house.work(ADMINISTRATOR, organisation) as work:
        (written,) = work.session.scalars(select(InboundMessage)).all()
        assert (written.is_opt_out, written.address) == (True, "amina@example.com")
        assert [each.value for each in work.session.scalars(select(Suppression))] == ["amina@example.com"]


def test_a_connection_gets_a_key_of_its_own_and_keeps_it(house: House) -> None:
    given = {"host": "mx.example", "countries": "PK", "return_domain": "bounce.acme.example"}
    with house.work(ADMINISTRATOR) as work:
        first, second = (connections.create(work, name, "smtp", given) for name in ("One", "Two"))
        keys = {first.secrets["return_key"], second.secrets["return_key"]}
        assert len(keys) == 2
        assert all(len(key) >= 40 for key in keys)
        kept = first.secrets["return_key"]
        connections.change(work, first.id, "One", given | {"return_key": ""}, connections.Limits())
        assert first.secrets["return_key"] == kept
        connections.change(work, first.id, "One", given | {"return_key": "a" * 20}, connections.Limits())
        assert first.secrets["return_key"] == "a" * 20
