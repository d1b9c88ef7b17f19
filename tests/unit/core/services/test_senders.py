"""Senders: what a channel carries, what an operator approved, and until when."""

from datetime import date, timedelta

import pytest

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.errors import Refused
from connectpulse.core.services import quotes, records, senders
from connectpulse.core.storage.models import Sender
from tests.unit.core.services.scene import CHANNEL, Scene

TODAY = date(2026, 6, 15)


def made(purposes: list[str], valid_until: date | None = None, is_active: bool = True) -> Sender:
    return Sender(value="AMINA", purposes=purposes, valid_until=valid_until, is_active=is_active)


@pytest.mark.parametrize(
    ("sender", "sentence"),
    [
        (made(["promotional"]), None),
        (made(["promotional"], TODAY), None),
        (made(["promotional"], TODAY - timedelta(days=1)), "ended on 14 June 2026"),
        (made(["promotional"], None, False), "is switched off"),
        (made(["transactional"]), "is not approved for promotional messages"),
    ],
)
def test_a_sender_may_be_used_as_approved(sender: Sender, sentence: str | None) -> None:
    found = senders.objection(sender, Purpose.PROMOTIONAL, TODAY)
    assert found is None if sentence is None else sentence in (found or "")


def test_a_promotional_campaign_on_a_transactional_mask_is_refused(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("p@x.org"), sender_id=scene.sender("transactional"))
    with scene.work() as work, pytest.raises(Refused, match="not approved for promotional messages"):
        quotes.request(work, campaign_id)


def test_an_approval_that_ends_before_the_launch_is_noticed(scene: Scene) -> None:
    scene.connect()
    sender_id = scene.sender("promotional")
    campaign_id = scene.campaign(scene.people("p@x.org"), sender_id=sender_id)
    with scene.work() as work:
        senders.change(
            work, sender_id, purposes=["promotional"], valid_until=work.clock().date() - timedelta(days=1),
            opt_out_hint="", approvals=(), is_active=True,
        )  # fmt: skip
    with scene.work() as work, pytest.raises(Refused, match="The approval of the sender Amina ended"):
        quotes.request(work, campaign_id)


@pytest.mark.parametrize(
    ("kind", "value", "purposes", "sentence"),
    [
        ("name", "", ["promotional"], "A name is needed"),
        ("number", "1234", ["promotional"], "'number' is not a kind of sender"),
        ("name", "Amina", [], "Choose what the sender is approved for"),
        ("name", "Amina", ["secret"], "Choose what the sender is approved for"),
    ],
)
def test_what_a_channel_would_not_carry_is_refused(
    scene: Scene, kind: str, value: str, purposes: list[str], sentence: str
) -> None:
    with scene.work() as work, pytest.raises(Refused, match=sentence):
        senders.create(work, CHANNEL, kind, value, purposes=purposes)


def test_a_value_is_taken_once_on_a_channel(scene: Scene) -> None:
    scene.sender()
    with pytest.raises(Refused, match="There is a sender like this already"):
        scene.sender()


def test_switched_off_senders_are_not_offered(scene: Scene) -> None:
    sender_id = scene.sender("transactional", "promotional")
    with scene.work() as work:
        assert [each.id for each in senders.usable(work, CHANNEL)] == [sender_id]
        assert records.find(work, Sender, sender_id).purposes == ["promotional", "transactional"]
        senders.change(
            work, sender_id, purposes=["promotional"], valid_until=None, opt_out_hint=" 8585 ", approvals=(),
            is_active=False,
        )  # fmt: skip
        assert senders.usable(work, CHANNEL) == []
        assert records.find(work, Sender, sender_id).opt_out_hint == "8585"


@pytest.mark.parametrize(
    ("approvals", "sentence"),
    [
        ([{"operator": "", "approved_on": "2026-01-05"}], "name the operator first"),
        ([{"operator": "Jazz", "approved_on": "5 January"}], "Jazz, approved on: '5 January' is no date"),
        ([{"operator": "Jazz", "valid_until": "2026-02-30"}], "Jazz, valid until"),
        ([{"operator": "Jazz", "approved_on": "2026-05-01", "valid_until": "2026-01-01"}], "ends before it begins"),
    ],
)
def test_an_operators_approval_has_dates(scene: Scene, approvals: list[dict[str, str]], sentence: str) -> None:
    with scene.work() as work, pytest.raises(Refused, match=sentence):
        senders.create(work, CHANNEL, "name", "Amina", purposes=["promotional"], approvals=approvals)


def test_approvals_of_operators_that_ended_are_told_and_refused_if_none_is_left() -> None:
    old, good = (
        {"operator": name, "valid_until": day} for name, day in (("Jazz", "2026-06-14"), ("Zong", "2026-06-15"))
    )
    sender = made(["promotional"])
    sender.approvals = [old, good, {"operator": "Ufone"}]
    assert senders.expired(sender, TODAY) == ["Jazz on 14 June 2026"]
    assert senders.objection(sender, Purpose.PROMOTIONAL, TODAY) is None
    sender.approvals = [old]
    assert "have ended: Jazz on 14 June 2026" in (senders.objection(sender, Purpose.PROMOTIONAL, TODAY) or "")


def test_an_approval_has_to_last_until_the_campaign_starts(scene: Scene) -> None:
    scene.connect()
    now = scene.house.clock()
    with scene.work() as work:
        ends = (now + timedelta(days=2)).date()
        sender_id = senders.create(work, CHANNEL, "name", "Mask", purposes=["promotional"], valid_until=ends).id
    starts_at = (now + timedelta(days=5)).replace(tzinfo=None)
    campaign_id = scene.campaign(scene.people("p@x.org"), sender_id=sender_id, starts_at=starts_at, timezone="UTC")
    with scene.work() as work, pytest.raises(Refused, match="The approval of the sender Mask ended"):
        quotes.request(work, campaign_id)
