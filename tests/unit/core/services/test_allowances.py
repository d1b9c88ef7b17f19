"""What an organisation may use: kept where it applies, and said before one meets it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from connectpulse.app import create_app
from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.limits import Allowance, Limit
from connectpulse.core.domain.scopes import AUDIT_READ
from connectpulse.core.errors import Refused
from connectpulse.core.services import allowances, campaigns, records, singles, trials
from connectpulse.core.services.access import invitations
from connectpulse.core.services.api import keys
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Campaign, Message
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor
from tests.unit.core.services.scene import Scene


def allow(house: House, **given: object) -> None:
    made = Allowance(because="Your plan is Starter.", **given)  # type: ignore[arg-type]
    house.registry.limits["acme_plan"] = Limit("acme_plan", lambda work, organisation_id: made)


def invite(house: House, organisation: int, email: str) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        invitations.offer(work, "https://x.example", email, "A", "B", roles.ANALYST)


def test_nothing_is_limited_where_no_plugin_limits(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        assert allowances.of(work, organisation) == Allowance()
        assert allowances.seats(work) is None
        assert allowances.objections(work, organisation, "sms") == []


def test_the_least_holds(house: House, organisation: int) -> None:
    allow(house, users=5, channels=frozenset({"sms", "email"}))
    other = Allowance(users=3, channels=frozenset({"sms", "voice"}), api_per_minute=9, because="So it is.")
    house.registry.limits["other"] = Limit("other", lambda work, organisation_id: other)
    with house.work(ADMINISTRATOR, organisation) as work:
        found = allowances.of(work, organisation)
    assert found == Allowance(frozenset({"sms"}), 3, 9, "Your plan is Starter. So it is.")


def test_users_are_counted_with_those_invited(house: House, organisation: int) -> None:
    allow(house, users=2)
    invite(house, organisation, "a@example.org")
    invite(house, organisation, "b@example.org")
    invite(house, organisation, "b@example.org")  # takes the place of the one before
    with pytest.raises(Refused, match=r"You may have 2 users.*Your plan is Starter\."):
        invite(house, organisation, "c@example.org")
    with house.work(ADMINISTRATOR, organisation) as work:
        assert allowances.seats(work) == (2, 2)
        invitations.withdraw(work, invitations.waiting(work)[0].id)
    invite(house, organisation, "c@example.org")


def test_two_who_invite_at_once_share_the_last_place(house: House, organisation: int) -> None:
    allow(house, users=1)

    def attempt(number: int) -> bool:
        try:
            invite(house, organisation, f"{number}@example.org")
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(attempt, range(4))) == 1


def test_the_platform_invites_without_a_limit(house: House) -> None:
    allow(house, users=1)
    with house.work(ADMINISTRATOR) as work:
        for number in range(3):
            invitations.offer(work, "https://x.example", f"{number}@example.org", "A", "B", roles.AUDITOR)


def test_pages_say_it_beforehand(house: House, organisation: int) -> None:
    allow(house, users=9, api_per_minute=77, channels=frozenset())
    person = visitor(panel(house, organisation), roles.ORGANISATION_ADMINISTRATOR)
    assert "of 9 users, those invited included." in person.get("/members/list/").text
    assert "All keys together may make 77 requests a minute." in person.get("/api-keys/list/").text
    assert "(not included)" in person.get("/campaigns/add").text


def test_keys_share_what_their_organisation_may_ask(house: House, organisation: int) -> None:
    allow(house, api_per_minute=3)
    with house.work(ADMINISTRATOR, organisation) as work:
        tokens = [keys.create(work, keys.Draft(name, (AUDIT_READ,), 60))[1] for name in ("one", "two")]
    asking = create_app(house).test_client()
    answers = [
        asking.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens[number % 2]}"}) for number in range(5)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].get_json()["detail"].startswith("At most 3 requests a minute.")


def test_a_channel_that_is_not_included_is_not_launched(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@example.org"))
    quote = scene.quote(campaign_id)
    allow(scene.house, channels=frozenset({"other"}))
    with pytest.raises(Refused, match=r"Postcard is not included\. Your plan is Starter\."), scene.work() as work:
        campaigns.launch(work, campaign_id, quote.id)
    allow(scene.house, channels=frozenset({"postcard"}))
    with scene.work() as work:
        campaigns.launch(work, campaign_id, quote.id)
    assert scene.state(campaign_id) == "running"


def test_a_scheduled_campaign_is_missed_where_its_channel_was_taken_away(scene: Scene) -> None:
    scene.connect()
    tomorrow = (scene.house.clock() + timedelta(days=1)).replace(microsecond=0, tzinfo=None)
    campaign_id = scene.campaign(scene.people("a@example.org"), starts_at=tomorrow, timezone="UTC")
    scene.launch(campaign_id)
    assert scene.state(campaign_id) == "scheduled"
    allow(scene.house, channels=frozenset())
    scene.at(scene.house.clock() + timedelta(days=1, minutes=1))
    with scene.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        assert campaigns.start_due(work) == []
    with scene.work() as work:
        row = records.find(work, Campaign, campaign_id)
        assert (row.state, row.reason) == ("missed", "Postcard is not included. Your plan is Starter.")


def queue(scene: Scene, **more: bool) -> None:
    with scene.work() as work:
        singles.queue(
            work, channel=work.registry.channel("postcard"), sender="Amina", address="a@example.org",
            content={"body": "Hello"}, purpose=Purpose.TRANSACTIONAL, **more,
        )  # fmt: skip


def queued(scene: Scene) -> int:
    with scene.work() as work:
        return work.session.scalar(select(func.count()).select_from(Message)) or 0


def test_a_single_message_and_a_test_keep_to_the_channels_that_are_included(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@example.org"))
    allow(scene.house, channels=frozenset({"other"}))
    with pytest.raises(Refused, match=r"Postcard is not included\. Your plan is Starter\."):
        queue(scene)
    with pytest.raises(Refused, match=r"Postcard is not included\."), scene.work() as work:
        trials.send(work, campaign_id, ["a@example.org"])
    assert queued(scene) == 0
    allow(scene.house, channels=frozenset({"postcard"}))
    queue(scene)
    with scene.work() as work:
        trials.send(work, campaign_id, ["a@example.org"])
    assert queued(scene) == 2


def test_what_a_person_has_a_right_to_goes_out_whatever_is_included(scene: Scene) -> None:
    scene.connect()
    allow(scene.house, channels=frozenset())
    queue(scene, is_owed=True)
    assert queued(scene) == 1
