"""Domains of senders against a name server on loopback: what is said, what is remembered, and what follows."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from connectpulse_email import choices, domains, standing
from connectpulse_email.channel import EmailChannel
from connectpulse_email.dns import checking, findings, texts
from connectpulse_email.models import SenderDomain
from dns_scene import Zone, published
from email_scene import SENDER
from sqlalchemy import select, update

from connectpulse.core.api import CampaignFacts, Misconfigured, Purpose, Refused, Work
from connectpulse.core.services import (
    campaigns,
    connections,
    plans,
    records,
    senders,
    templates,
    ways_out,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.storage.models import Campaign, ContactList, Notice
from connectpulse.core.wire import names
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR, verbs

ACME = "acme.example"
KEY = checking.Published(ACME, f"s1._domainkey.{ACME}", "v=DKIM1; k=rsa; p=AAAA", "rsa", "AAAA", True)
GOOD = {
    ACME: ["site=1", "v=spf1 include:mail.example -all"],
    "mail.example": ["v=spf1 ip4:192.0.2.0/24 -all"],
    KEY.name: ["v=DKIM1;k=rsa; p=AA AA"],
    f"_dmarc.{ACME}": ["v=DMARC1; p=reject; adkim=s"],
}


@pytest.fixture
def zone() -> Iterator[Zone]:
    with published(Zone()) as made:
        yield made


def states(found: list[findings.Finding]) -> dict[str, str]:
    return {each.what: each.state for each in found}


def test_a_domain_in_order_has_nothing_left_to_do(zone: Zone) -> None:
    zone.texts |= GOOD
    zone.mail[f"bounce.{ACME}"] = ["mx.mail.example"]
    found = checking.check(ACME, [KEY], f"bounce.{ACME}")
    assert states(found) == {"DKIM": "ok", "SPF": "ok", "DMARC": "ok", "Bounces": "ok"}
    assert findings.holds(found, False)


@pytest.mark.parametrize(
    ("name", "record", "what", "state", "says"),
    [
        (ACME, [], "SPF", "bad", "No record says which servers"),
        (ACME, ["v=spf1 -all", "v=spf1 mx -all"], "SPF", "bad", "2 SPF records"),
        (ACME, ["v=spf1 mx +all"], "SPF", "bad", "anybody"),
        (ACME, ["v=spf1 mx all"], "SPF", "bad", "anybody"),
        (ACME, ["v=spf1 mx ?all"], "SPF", "warn", "other servers"),
        (ACME, ["v=spf1 mx"], "SPF", "warn", "other servers"),
        (ACME, ["v=spf1 mx ptr -all"], "SPF", "warn", "ptr"),
        (ACME, ["v=spf1 mxx -all"], "SPF", "bad", "'mxx'"),
        (ACME, ["v=spf1 include:gone.example -all"], "SPF", "bad", "gone.example"),
        (ACME, ["v=spf1 " + "a:x.example " * 11 + "-all"], "SPF", "bad", "more than 10"),
        (ACME, [f"v=spf1 include:{ACME} -all"], "SPF", "ok", ""),
        (ACME, ["v=spf1 redirect=mail.example"], "SPF", "ok", ""),
        (ACME, ["v=spf1 include:mail.example"], "SPF", "warn", "other servers"),
        (ACME, ["v=spf1 include:mail.example ?all redirect=mail.example"], "SPF", "warn", "other servers"),
        (ACME, ["v=spf1 redirect=mail.example include:mail.example"], "SPF", "ok", ""),
        (ACME, ["v=spf1 include:%{d}.x.example redirect=mail.example"], "SPF", "ok", ""),
        ("mail.example", ["v=spf1 +all"], "SPF", "bad", "includes mail.example, which lets anybody"),
        ("mail.example", ["v=spf1 mx"], "SPF", "ok", ""),
        ("mail.example", ["v=spf1 " + "include:%{d}.x.example " * 10 + "-all"], "SPF", "bad", "more than 10"),
        (KEY.name, [], "DKIM", "bad", "cannot find"),
        (KEY.name, ["v=DKIM1; p=BBBB"], "DKIM", "bad", "Another key"),
        (KEY.name, ["v=DKIM1; k=ed25519; p=AAAA"], "DKIM", "bad", "Another key"),
        (f"_dmarc.{ACME}", [], "DMARC", "bad", "No record"),
        (f"_dmarc.{ACME}", ["v=DMARC1; p=never"], "DMARC", "bad", "no policy"),
        (f"_dmarc.{ACME}", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "DMARC", "bad", "2 DMARC"),
        (f"_dmarc.{ACME}", ["v=DMARC1; p=none"], "DMARC", "ok", "nothing"),
    ],
)
def test_what_is_wrong_is_told(zone: Zone, name: str, record: list[str], what: str, state: str, says: str) -> None:
    zone.texts |= GOOD | {name: record}
    found = checking.check(ACME, [KEY])
    assert states(found) == {"DKIM": "ok", "SPF": "ok", "DMARC": "ok"} | {what: state}
    said = next(each for each in found if each.what == what)
    assert says in said.says
    assert findings.holds(found, False) is (state != "bad")
    if what == "DKIM":
        assert (said.name, said.kind, said.value) == (KEY.name, "TXT", KEY.value)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("v=spf1 redirect=first.example", "anybody"),
        ("v=spf1 include:first.example -all", "includes first.example"),
        ("v=spf1 include:second.example -all", "includes last.example"),
        ("v=spf1 redirect=second.example", "includes last.example"),
    ],
)
def test_whoever_lets_anybody_send_is_found_further_on(zone: Zone, record: str, says: str) -> None:
    zone.texts |= GOOD | {
        ACME: [record],
        "first.example": ["v=spf1 redirect=last.example"],
        "second.example": ["v=spf1 include:last.example -all"],
        "last.example": ["v=spf1 all"],
    }
    found = {each.what: each for each in checking.check(ACME, [KEY])}
    assert found["SPF"].state == "bad"
    assert says in found["SPF"].says


def test_a_policy_of_the_domain_above_holds_below(zone: Zone) -> None:
    zone.texts |= {f"_dmarc.{ACME}": ["v=DMARC1; p=reject; sp=none; adkim=s"]}
    found = {each.what: each for each in checking.check(f"news.{ACME}", [KEY])}
    assert "this very domain" in found["DMARC"].says
    zone.texts |= {f"_dmarc.{ACME}": ["v=DMARC1; p=reject; sp=quarantine"]}
    assert "quarantine" in {each.what: each for each in checking.check(f"news.{ACME}", [KEY])}["DMARC"].says


def test_bounces_need_a_way_back(zone: Zone) -> None:
    zone.mail["bounce.other.example"] = ["mx.example"]
    assert states(checking.check(ACME, [KEY], "bounce.acme.example"))["Bounces"] == "bad"
    assert states(checking.check(ACME, [KEY], "bounce.other.example"))["Bounces"] == "warn"


def test_silence_of_dns_changes_nothing(zone: Zone) -> None:
    zone.texts |= GOOD
    zone.silent.add(KEY.name)
    found = checking.check(ACME, [KEY])
    assert states(found)["DKIM"] == "unknown"
    assert [findings.holds(found, before) for before in (True, False)] == [True, False]


def test_a_key_is_used_once_it_is_published_and_its_loss_is_told(house: House, organisation: int, zone: Zone) -> None:
    opened = partial(house.work, ADMINISTRATOR, organisation)
    with opened() as work:
        row = standing.add(work, "Acme.Example", "")
        row_id, (key,) = row.id, domains.keys(work)
        record = {domains.record_name(key): [domains.record_value(key)]}
    assert states(standing.look(opened, row_id))["DKIM"] == "bad"
    with opened() as work:
        assert domains.keys_for(work, SENDER) == ()
        assert "not in order" in standing.doubt(work, "news@mail.acme.example")
        assert "Nobody vouches" in standing.doubt(work, "news@other.example")
    zone.texts |= GOOD | record
    assert states(standing.look(opened, row_id)) == {"DKIM": "ok", "SPF": "ok", "DMARC": "ok"}
    with opened() as work:
        assert domains.keys_for(work, SENDER)[0].selector == key.selector
        assert standing.doubt(work, SENDER) == ""
        following = domains.rotate(work, ACME)
        name, value = domains.record_name(following), domains.record_value(following)
    found = standing.look(opened, row_id)
    assert states(found)["The next DKIM key"] == "warn"
    zone.texts[name] = [value]
    standing.look(opened, row_id)
    with opened() as work:
        assert domains.keys_for(work, SENDER)[0].selector == following.selector
        assert work.session.get_one(SenderDomain, row_id).is_verified
        work.session.execute(update(SenderDomain).values(checked_at=work.clock() - timedelta(days=2)))
    del zone.texts[name]
    assert standing.look_again(house.work) is False
    with opened() as work:
        (notice,) = work.session.scalars(select(Notice).where(Notice.kind == "email.domain_lost"))
        assert "cannot find" in notice.body
        assert {"email.domain_verified", "email.domain_lost", "email.key_used", "email.key_retired"} <= set(verbs(work))
        standing.remove(work, row_id)
        assert domains.keys(work) == []


def test_what_is_left_to_do_warns_or_keeps_from_going(work: Work) -> None:
    facts = CampaignFacts(
        Purpose.TRANSACTIONAL, "address", frozenset(Purpose), {"subject": "s", "html": "x"}, sender=SENDER
    )
    said = EmailChannel().remarks(work, facts)
    assert (len(said.objections), len(said.warnings)) == (0, 1)
    choices.save(work, tracks_clicks=False, tracks_opens=False, needs_verified=True)
    choices.save(work, tracks_clicks=True, tracks_opens=False, needs_verified=True)
    assert choices.of(work).tracks_clicks
    assert len(EmailChannel().remarks(work, facts).objections) == 1
    assert verbs(work).count("email.choices_changed") == 2


def test_a_promotion_without_a_way_out_does_not_go() -> None:
    content = {"subject": "s", "html": "x"}
    for purpose in Purpose:
        facts = CampaignFacts(purpose, "address", frozenset({purpose}), content, sender=SENDER, has_way_out=False)
        assert bool(EmailChannel().objections(facts)) is (purpose is Purpose.PROMOTIONAL)


@pytest.mark.parametrize("entry", ["ns.example", "192.0.2.1:x", "300.1.1.1", "192.0.2.1:99999"])
def test_name_servers_are_addresses(entry: str) -> None:
    with pytest.raises(Misconfigured, match="DNS_SERVERS"):
        names.ask_at(entry)


def test_name_servers_may_have_ports() -> None:
    try:
        names.ask_at("192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:54")
        assert [each.port for each in names._Site.servers] == [53, 5353, 53, 54]
    finally:
        names.ask_at()


def test_a_domain_is_taken_up_once(work: Work) -> None:
    standing.add(work, ACME)
    with pytest.raises(Refused, match="already"):
        standing.add(work, ACME)
    with pytest.raises(Refused, match="write it like"):
        standing.add(work, "other.example", "not a domain")


def test_the_top_has_nothing_above() -> None:
    assert texts.above("a.b.example") == ["a.b.example", "b.example"]
    assert texts.above("localhost") == ["localhost"]


def test_a_campaign_is_warned_of_or_kept_from_going(house: House, organisation: int) -> None:
    try:
        with house.work(ADMINISTRATOR, organisation) as work:
            campaign = drafted(work)
            simulator = connections.create(work, "Trial", "email_simulator", {"receipt_delay": 0})
            connections.create_route(work, simulator.id)
            ways_out.use("http://127.0.0.1:8080")
            assert plans.problems(work, campaign) == []
            (warning,) = plans.warnings(work, campaign)
            assert "Nobody vouches for acme.example" in warning
            choices.save(work, tracks_clicks=False, tracks_opens=False, needs_verified=True)
            assert (plans.problems(work, campaign), plans.warnings(work, campaign)) == ([warning], ())
            real = connections.create(work, "Mail", "smtp", {"host": "mail.example", "countries": "PK"})
            connections.create_route(work, real.id)
            assert any("PUBLIC_URL" in each for each in plans.problems(work, campaign))
            ways_out.use("https://pulse.example.org")
            assert not any("PUBLIC_URL" in each for each in plans.problems(work, campaign))
    finally:
        ways_out.use(house.settings.public_url)


def drafted(work: Work) -> Campaign:
    """Return a promotion that lacks nothing."""
    people = records.create(work, ContactList(name="All"), "list.created")
    template = templates.create(work, "News", "email", {"subject": "Hi", "html": "<p>Hi</p>"})
    sender = senders.create(work, "email", "address", SENDER, purposes=["promotional"])
    return campaigns.create(work, Draft("Spring", "email", "promotional", template.id, sender.id, [people.id]))
