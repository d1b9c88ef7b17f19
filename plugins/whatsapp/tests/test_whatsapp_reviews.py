"""Templates through the whole house: submitted over their connection, decided about by webhook, and asked about."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from whatsapp_scene import TEMPLATE
from whatsapp_site import Site, opener, people

from connectpulse.core.api import Refused
from connectpulse.core.services import connections, jobs, reviews, templates
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Campaign, TemplateReview, TemplateVersion
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as AMINA

SLOW = {"review_after": 3600.0}
"""Nobody decides unless the test does."""


@pytest.fixture
def opening(house: House, organisation: int) -> Iterator[Callable[..., Site]]:
    with opener(house, organisation) as opening:
        yield opening


def write(site: Site, **content: Any) -> int:
    with site.house.work(AMINA, site.organisation) as work:
        made = templates.create(work, f"Sale {content}"[:100], "whatsapp", {**TEMPLATE, **content}).id
    site.run_jobs()
    return made


def decide(site: Site, event: str, reason: str = "NONE") -> None:
    (known,) = site.network.api.templates.known
    site.network.api.templates.decide(known, event, reason)
    site.hear()


def standing(site: Site) -> tuple[str, str, str]:
    with site.house.work(AMINA, site.organisation) as work:
        version = work.session.scalars(select(TemplateVersion)).unique().one()
        return version.approval, version.approval_reason, version.category


def review(site: Site) -> TemplateReview:
    with site.house.work(AMINA, site.organisation) as work:
        return work.session.scalars(select(TemplateReview)).one()


def wake(site: Site) -> int:
    with site.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        found = reviews.wake(work)
    site.run_jobs()
    return found


def test_a_template_is_submitted_and_approved_by_webhook(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    write(site)
    (known,) = site.network.api.templates.known
    assert (review(site).state, review(site).reference) == ("pending", known)
    assert standing(site) == ("pending", "", "marketing")
    decide(site, "APPROVED")
    assert standing(site)[0] == "approved"
    with site.house.work(AMINA, site.organisation) as work:
        verbs = work.session.scalars(select(AuditEntry.verb)).all()
    assert {"template.submitted", "template.reviewed"} <= set(verbs)
    assert wake(site) == 0, "nothing is due"


def test_a_refused_one_is_submitted_again_when_somebody_asks(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    template = write(site)
    with site.house.work(AMINA, site.organisation) as work, pytest.raises(Refused, match="has not refused it"):
        reviews.submit_again(work, template)
    decide(site, "REJECTED", "INVALID_FORMAT")
    assert standing(site) == ("rejected", "Invalid format.", "marketing")
    with site.house.work(AMINA, site.organisation) as work:
        reviews.submit_again(work, template)
    site.run_jobs()
    assert review(site).state == "pending"
    assert len(site.network.api.templates.known) == 1
    decide(site, "APPROVED")
    assert standing(site)[:2] == ("approved", "")


@pytest.mark.parametrize(("event", "said"), [("PAUSED", "paused"), ("DISABLED", "disabled")])
def test_campaigns_pause_when_an_approval_is_taken_back(opening: Callable[..., Site], event: str, said: str) -> None:
    site = opening(**SLOW)
    template = write(site)
    decide(site, "APPROVED")
    site.campaign(people(1), template_id=template)
    decide(site, event)
    (campaign,) = site.rows(Campaign)
    assert campaign.state == "paused"
    assert said in campaign.reason
    assert standing(site)[0] == "rejected"


def test_campaigns_pause_when_their_price_changes(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    template = write(site, category="marketing")
    decide(site, "APPROVED")
    site.campaign(people(1), template_id=template)
    (known,) = site.network.api.templates.known
    site.network.api.templates.bill_as(known, "UTILITY")
    site.hear()
    assert standing(site) == ("approved", "", "utility")
    (campaign,) = site.rows(Campaign)
    assert (campaign.state, "billed as utility" in campaign.reason) == ("paused", True)


def test_a_lost_webhook_is_made_up_for(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    write(site)
    for template in site.network.api.templates.known.values():
        template["status"] = "APPROVED"
    assert wake(site) == 0
    now = site.house.clock()
    site.house.clock = lambda: now + timedelta(hours=2)
    assert wake(site) == 1
    assert standing(site)[0] == "approved"


def test_a_connection_that_is_out_of_reach_is_asked_later(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    with site.house.work(AMINA) as work:
        right = connections.values(work.session.get_one(connections.Connection, site.connection))
        wrong = {**right, "access_token": "expired"}
        connections.change(work, site.connection, "Meta", wrong, connections.Limits())
    write(site)
    assert (review(site).state, "code 190" in review(site).reason) == ("waiting", True)
    with site.house.work(AMINA) as work:
        connections.change(work, site.connection, "Meta", right, connections.Limits())
    now = site.house.clock()
    site.house.clock = lambda: now + timedelta(minutes=11)
    assert wake(site) == 1
    assert review(site).state == "pending"


def test_what_waits_is_submitted_once_a_connection_is_in_use(opening: Callable[..., Site]) -> None:
    site = opening(**SLOW)
    with site.house.work(AMINA) as work:
        connections.pause(work, site.connection, "test")
    write(site)
    assert site.network.api.templates.known == {}
    with site.house.work(AMINA) as work:
        connections.resume(work, site.connection)
    assert wake(site) == 1
    assert review(site).state == "pending"
    with site.house.work(AMINA) as work:
        assert jobs.due(work) == []


def test_a_template_with_words_that_were_never_shown_needs_no_new_approval(house: House, organisation: int) -> None:
    with house.work(AMINA, organisation) as work:
        made = templates.create(work, "Sale", "whatsapp", TEMPLATE).id
        version = templates.current(work, made)
        version.content = version.content | {"header_text": "Kept from before", "expiry": 5}
    with house.work(AMINA, organisation) as work:
        version = templates.current(work, made)
        assert templates.revise(work, made, version.content, "Spring sale").id == version.id
        assert version.content["header_text"] == "Kept from before"
        assert templates.revise(work, made, {**version.content, "footer": ""}).number == 2
        assert templates.current(work, made).content["header_text"] is None
