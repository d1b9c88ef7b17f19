"""The routes of sender domains and of choices about letters."""

from itertools import count

from connectpulse_email import standing

from connectpulse.core.api import Work
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _domain(work: Work) -> int:
    return standing.add(work, f"news{next(_numbers)}.example", algorithm="ed25519").id


NOUNS = {"sender domain": _domain}

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
    "FigureView.show": Door(READ, "Letters"),
}
