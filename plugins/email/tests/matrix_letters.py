"""The routes of sender domains and of choices about letters."""

from itertools import count

from connectpulse_email import standing

from connectpulse.core.api import Work
from connectpulse.core.services import campaigns, records, senders, templates
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.storage.models import ContactList
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _domain(work: Work) -> int:
    return standing.add(work, f"news{next(_numbers)}.example", algorithm="ed25519").id


def _campaign(work: Work) -> int:
    number = next(_numbers)
    people = records.create(work, ContactList(name=f"Readers {number}"), "list.created")
    template = templates.create(work, f"News {number}", "email", {"subject": "Hi", "html": "<p>Hi</p>"})
    sender = senders.create(work, "email", "address", f"n{number}@news.example", purposes=["promotional"])
    draft = Draft(f"Letters {number}", "email", "promotional", template.id, sender.id, [people.id])
    return campaigns.create(work, draft).id


NOUNS = {"sender domain": _domain, "campaign of letters": _campaign}

DOORS = {
    "SenderDomainView.list": Door(READ, "Letters"),
    "SenderDomainView.show": Door(READ, "Letters", "sender domain"),
    "SenderDomainView.add": Door(WRITE, "Letters"),
    **{
        f"SenderDomainView.{name}": Door(WRITE, "Letters", "sender domain")
        for name in ("edit", "delete", "check", "rotate")
    },
    "ChoiceView.show": Door(READ, "Letters"),
    "ChoiceView.save": Door(WRITE, "Letters"),
    "FigureView.list": Door(READ, "Letters"),
    "FigureView.show": Door(READ, "Letters", "campaign of letters"),
}
