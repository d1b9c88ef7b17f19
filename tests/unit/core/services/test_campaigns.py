"""Campaigns: drafted, launched once, approved by somebody else, started on time or not at all."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import campaigns, contacts, plans, quotes, records, suppressions, templates, trials
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Campaign, ContactList, Dispatch, Message, Organisation
from connectpulse.testing import factories
from tests.unit.core.services.scene import AMINA, BILAL, Scene

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def audience(scene: Scene) -> int:
    """A list of two people, and a route to them."""
    scene.connect()
    return scene.people("a@x.org", "b@x.org")


def verbs(scene: Scene) -> list[str]:
    """Return what was written down about campaigns, in order."""
    with scene.work() as work:
        statement = select(AuditEntry.verb).where(AuditEntry.object_type == "Campaign").order_by(AuditEntry.id)
        return list(work.session.scalars(statement))


def start_due(scene: Scene) -> list[int]:
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return campaigns.start_due(work)


def decide(scene: Scene, **choices: Any) -> None:
    with scene.house.work(AMINA) as work:
        organisation = records.find(work, Organisation, scene.organisation)
        for name, value in choices.items():
            setattr(organisation, name, value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "Give the campaign a name"),
        ({"purpose": "secret"}, "Choose a purpose"),
        ({"timezone": "Mars"}, "is not a time zone"),
        ({"starts_at": datetime.fromisoformat("2020-01-01 09:00")}, "lies in the past"),
        ({"window_start": time(9)}, "both a beginning and an end"),
        ({"rate_per_second": 0}, "The rate must lie"),
        ({"validity_minutes": 0}, "The validity must lie"),
        ({"start_within_minutes": 0}, "The latest start must lie"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(
    scene: Scene, audience: int, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        scene.campaign(audience, **changes)


def test_a_list_cannot_be_addressed_and_left_out(scene: Scene, audience: int) -> None:
    with pytest.raises(Refused, match="both addressed and left out"):
        scene.campaign(audience, excluded_ids=[audience])


def test_what_belongs_to_another_organisation_is_not_found(scene: Scene, audience: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    for theirs in ({"template_id": other.template()}, {"sender_id": other.sender()}):
        with pytest.raises(NotFound):
            scene.campaign(audience, **({"template_id": None, "sender_id": None} | theirs))
    mine = {"template_id": scene.template(name="Mine"), "sender_id": scene.sender(value="Mine")}
    with pytest.raises(NotFound):
        scene.campaign(other.people("c@x.org"), **mine)


def test_a_launch_is_written_down_and_happens_once(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    scene.launch(campaign_id)
    assert scene.state(campaign_id) == "running"
    with scene.work() as work:
        quote = quotes.latest(work, campaign_id)
    assert quote is not None
    with scene.work() as work, pytest.raises(Refused, match="it cannot become running"):
        campaigns.launch(work, campaign_id, quote.id)
    scene.run_jobs()
    assert verbs(scene) == ["campaign.created", "campaign.quoted", "campaign.launched"]
    assert scene.figures(campaign_id)["state:queued"] == 2


def test_an_empty_audience_is_refused(scene: Scene, audience: int) -> None:
    with pytest.raises(Refused, match="Nobody would receive this"):
        scene.launch(scene.campaign(scene.people(name="Empty")))
    template, sender = scene.template(name="Other"), scene.sender(value="Other")
    with scene.work() as work:
        for address in ("a@x.org", "b@x.org"):
            suppressions.add(work, "email", address, reason="opted_out", source="test")
    with pytest.raises(Refused, match="Nobody would receive this"):
        scene.launch(scene.campaign(audience, template_id=template, sender_id=sender))


def test_a_quote_of_another_campaign_launches_nothing(scene: Scene, audience: int) -> None:
    one = scene.campaign(audience)
    other = scene.campaign(audience, template_id=None, sender_id=scene.sender(value="Other"))
    quote = scene.quote(one)
    with scene.work() as work, pytest.raises(Refused):
        campaigns.launch(work, other, quote.id)
    assert scene.state(other) == "draft"


def test_an_edit_voids_the_quote(scene: Scene, audience: int) -> None:
    draft = scene.draft(audience)
    with scene.work() as work:
        campaign_id = campaigns.create(work, draft).id
    quote = scene.quote(campaign_id)
    with scene.work() as work:
        template = templates.create(work, "Other", "postcard", {"body": "Other"}).id
        sender_id = records.find(work, Campaign, campaign_id).sender_id
    changed = scene.draft(audience, template_id=template, sender_id=sender_id)
    with scene.work() as work:
        campaigns.change(work, campaign_id, changed)
    with scene.work() as work, pytest.raises(Refused, match="Quote it again"):
        campaigns.launch(work, campaign_id, quote.id)


def test_a_suspended_organisation_sends_nothing(scene: Scene, audience: int) -> None:
    decide(scene, is_suspended=True)
    with pytest.raises(Refused, match="suspended"):
        scene.launch(scene.campaign(audience))


def test_approval_takes_another_person(scene: Scene, audience: int) -> None:
    decide(scene, needs_approval=True)
    campaign_id = scene.campaign(audience)
    scene.launch(campaign_id)
    assert (scene.state(campaign_id), scene.figures(campaign_id)) == ("awaiting_approval", {})
    with scene.work() as work, pytest.raises(Refused, match="Another person"):
        campaigns.approve(work, campaign_id)
    with scene.work(BILAL) as work:
        campaigns.approve(work, campaign_id)
    scene.run_jobs()
    assert scene.figures(campaign_id)["state:queued"] == 2
    with scene.work() as work:
        campaign = records.find(work, Campaign, campaign_id)
        assert (campaign.launched_by, campaign.approved_by) == (AMINA.name, BILAL.name)
    assert verbs(scene) == [
        "campaign.created", "campaign.quoted", "campaign.submitted", "campaign.approved", "campaign.launched"
    ]  # fmt: skip


def test_what_changed_since_it_was_submitted_is_not_approved(scene: Scene, audience: int) -> None:
    decide(scene, needs_approval=True)
    campaign_id = scene.campaign(audience)
    scene.launch(campaign_id)
    with scene.work() as work:
        contacts.create(work, contacts.Person("New", [("email", "new@x.org")], {}), [audience])
    with scene.work(BILAL) as work, pytest.raises(Refused, match="has changed since it was submitted"):
        campaigns.approve(work, campaign_id)
    with scene.work(BILAL) as work:
        campaigns.send_back(work, campaign_id, "Who is new?")
    assert scene.state(campaign_id) == "draft"
    with scene.work(BILAL) as work, pytest.raises(Refused, match="not waiting for approval"):
        campaigns.approve(work, campaign_id)


def scheduled(scene: Scene, audience: int) -> int:
    """Launch a campaign for 15:00 in Karachi, which is ten o'clock UTC, within an hour; return its id."""
    scene.at(NOON - timedelta(hours=6))
    start = datetime.fromisoformat("2026-06-15 15:00")
    campaign_id = scene.campaign(audience, starts_at=start, timezone="Asia/Karachi", start_within_minutes=60)
    scene.launch(campaign_id)
    return campaign_id


def test_a_schedule_is_local_time_and_waits_for_it(scene: Scene, audience: int) -> None:
    campaign_id = scheduled(scene, audience)
    assert (scene.state(campaign_id), scene.figures(campaign_id)) == ("scheduled", {})
    scene.at(datetime(2026, 6, 15, 9, 59, 59, tzinfo=UTC))
    assert start_due(scene) == []
    scene.at(datetime(2026, 6, 15, 10, tzinfo=UTC))
    assert start_due(scene) == [campaign_id]
    assert start_due(scene) == []
    scene.run_jobs()
    assert scene.figures(campaign_id)["state:queued"] == 2


def test_a_start_that_was_missed_is_not_made_up_for(scene: Scene, audience: int) -> None:
    campaign_id = scheduled(scene, audience)
    scene.at(datetime(2026, 6, 15, 11, 0, 1, tzinfo=UTC))
    assert start_due(scene) == []
    scene.run_jobs()
    assert (scene.state(campaign_id), scene.figures(campaign_id)) == ("missed", {})
    assert verbs(scene)[-1] == "campaign.missed"


def test_pause_resume_and_cancel_are_steps(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    with scene.work() as work, pytest.raises(Refused):
        campaigns.pause(work, campaign_id)
    scene.launch(campaign_id)
    with scene.work() as work:
        campaigns.pause(work, campaign_id)
    with scene.work() as work, pytest.raises(Refused, match="cannot become paused"):
        campaigns.pause(work, campaign_id)
    with scene.work() as work:
        campaigns.resume(work, campaign_id)
    with scene.work() as work, pytest.raises(Refused, match="not paused"):
        campaigns.resume(work, campaign_id)
    with scene.work() as work:
        campaigns.cancel(work, campaign_id)
    scene.run_jobs()
    assert scene.figures(campaign_id) == {"state:cancelled": 2, "parts": 2, "units": 2}
    with scene.work() as work, pytest.raises(Refused):
        campaigns.resume(work, campaign_id)


def test_a_campaign_that_ran_is_neither_edited_nor_deleted_but_copied(scene: Scene, audience: int) -> None:
    draft = scene.draft(audience, window_start=time(9), window_end=time(18), window_days=(0, 1), rate_per_second=5)
    with scene.work() as work:
        campaign_id = campaigns.create(work, draft).id
    scene.launch(campaign_id)
    with scene.work() as work, pytest.raises(Refused, match="Only a draft can be changed"):
        campaigns.change(work, campaign_id, draft)
    with scene.work() as work, pytest.raises(Refused, match="stays in the log"):
        campaigns.remove(work, campaign_id)
    with scene.work() as work:
        made = campaigns.copy(work, campaign_id)
        assert (made.name, made.state, made.launched_at) == ("Spring (copy)", "draft", None)
        assert (made.window_days, made.rate_per_second) == ([0, 1], 5)
        assert [each.list_id for each in made.lists] == [audience]


def test_every_change_of_a_draft_is_written_down(scene: Scene, audience: int) -> None:
    draft = scene.draft(audience)
    with scene.work() as work:
        campaign_id = campaigns.create(work, draft).id
    others = scene.people("c@x.org")
    for changed in (replace(draft, name="Autumn"), replace(draft, name="Autumn", list_ids=[others])):
        with scene.work() as work:
            campaigns.change(work, campaign_id, changed)
    with scene.work() as work:
        told = select(AuditEntry.detail).where(AuditEntry.verb == "campaign.updated").order_by(AuditEntry.id)
        assert list(work.session.scalars(told)) == [
            {"changes": {"name": ["Spring", "Autumn"]}},
            {"changes": {}, "lists": "changed"},
        ]


def test_a_list_is_not_deleted_while_a_campaign_goes_to_it_or_spares_its_members(scene: Scene, audience: int) -> None:
    with scene.work() as work:
        spared = records.create(work, ContactList(name="Not these"), "list.created").id
    campaign_id = scene.campaign(audience, excluded_ids=[spared])
    for list_id in (audience, spared):
        with scene.work() as work, pytest.raises(Refused, match="campaigns that are not over: Spring"):
            contacts.remove_list(work, list_id)
    with scene.work() as work:
        campaigns.cancel(work, campaign_id)
    with scene.work() as work:
        contacts.remove_list(work, spared)
        contacts.remove_list(work, audience)
        assert work.session.scalars(select(ContactList)).all() == []


def test_a_draft_says_that_its_text_was_written_anew(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    with scene.work() as work:
        draft = records.find(work, Campaign, campaign_id)
        assert plans.warnings(work, draft) == ()
        assert draft.template_version is not None
        templates.revise(work, draft.template_version.template_id, {"body": "Hello again"})
        assert "has a newer version (2)" in " ".join(plans.warnings(work, draft))


def test_a_draft_is_deleted(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    with scene.work() as work:
        campaigns.remove(work, campaign_id)
    with pytest.raises(NotFound):
        scene.state(campaign_id)


def test_a_test_goes_to_a_few_with_somebodys_values_and_counts_in_no_figure(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    for few in ([], [""], [f"t{n}@x.org" for n in range(6)]):
        with scene.work() as work, pytest.raises(Refused, match="between one and 5"):
            trials.send(work, campaign_id, few)
    with scene.work() as work:
        assert trials.send(work, campaign_id, ["t1@x.org", " ", "t2@x.org"]) == 2
    with scene.work() as work:
        sent = work.session.execute(select(Message.address, Message.body, Message.campaign_id)).all()
        assert {(row[0], row[2]) for row in sent} == {("t1@x.org", None), ("t2@x.org", None)}
        assert {row[1] for row in sent} <= {"Dear A", "Dear B"}
        assert work.session.scalars(select(Dispatch.campaign_id)).all() == [0, 0]
        told = work.session.scalars(select(AuditEntry.detail).where(AuditEntry.verb == "campaign.tested")).one()
        assert "t1@x.org" not in str(told)
    assert scene.figures(campaign_id) == {}


def test_what_the_machinery_does_is_read_by_the_organisations_auditors(scene: Scene, audience: int) -> None:
    campaign_id = scene.campaign(audience)
    scene.launch(campaign_id)
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        campaigns.pause_for(work, [campaign_id], "The provider refuses the sender.")
    assert verbs(scene)[-1] == "campaign.paused"


@pytest.mark.parametrize(
    ("starts_at", "sentence"),
    [
        (datetime(1, 1, 1), "outside the calendar"),  # noqa: DTZ001 - wall-clock time
        (datetime(9999, 12, 31, 23, 59), "outside the calendar|years ahead"),  # noqa: DTZ001
        (datetime(2099, 1, 1), "more than 2 years ahead"),  # noqa: DTZ001
    ],
)
def test_a_start_outside_of_reason_is_refused(scene: Scene, audience: int, starts_at: datetime, sentence: str) -> None:
    draft = scene.draft(audience, starts_at=starts_at, timezone="Asia/Karachi")
    with scene.work() as work, pytest.raises(Refused, match=sentence):
        campaigns.create(work, draft)
