"""A small office that answers requests about personal data: two people, a person who asks, and workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectpulse.core.services import contacts, four_eyes
from connectpulse.core.services.rights import carrying, intake, planning
from connectpulse.core.services.rights.intake import ACT, Asked
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage.models import Mail, SubjectRequest
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from tests.unit.core.services.scene import AMINA, BILAL

VISITOR = Actor("visitor", "A visitor", None, "203.0.113.7")
ZARA = "zara@example.org"


@dataclass(slots=True)
class Office:
    """What tests of subject rights say again and again. `home` is the organisation asked, None for the platform."""

    house: House
    home: int | None

    @contextmanager
    def work(self, actor: Actor = AMINA) -> Iterator[Work]:
        with self.house.work(actor, self.home) as work:
            yield work

    def ask(
        self, kind: str, address: str = ZARA, scheme: str = "email", proof: str = "Saw her passport", **more: Any
    ) -> int:
        """Enter a request that is proved already; return its id."""
        with self.work() as work:
            return intake.submit(work, Asked(kind, scheme, address, source="panel", proof=proof, **more)).id

    def plan(self, request_id: int, **more: Any) -> None:
        count = planning.archived(self.house.work, request_id)
        with self.work() as work:
            planning.plan(work, request_id, count, **more)

    def approve(self, request_id: int) -> None:
        with self.work(BILAL) as work:
            waiting = four_eyes.waiting(work, ACT, request_id)
            assert waiting is not None
            four_eyes.approve(work, waiting.id)

    def carry_out(self) -> int:
        return carrying.run_due(self.house.work)

    def answer(self, kind: str, address: str = ZARA, **more: Any) -> int:
        """Take a request from the door to its end; return its id."""
        request_id = self.ask(kind, address, **more)
        self.plan(request_id, is_urgent=True)
        self.approve(request_id)
        self.carry_out()
        assert self.request(request_id).state == "done"
        return request_id

    def request(self, request_id: int) -> SubjectRequest:
        with self.work() as work:
            return intake.find(work, request_id)

    def contact(self, name: str, *addresses: tuple[str, str], **fields: str) -> int:
        with self.work() as work:
            return contacts.create(work, contacts.Person(name, addresses, fields)).id

    def mails(self) -> list[tuple[str, str]]:
        """Return the texts of the mail that waits, by recipient, the newest last."""
        with self.house.work(AMINA) as work:
            rows = work.session.scalars(select(Mail).where(Mail.content.is_not(None)).order_by(Mail.id))
            return [(row.recipient, (row.content or {}).get("text", "")) for row in rows]


def office(house: House, organisation: int | None, folder: Path) -> Office:
    """Return an office whose stores lie in `folder`."""
    places.set(archive=str(folder / "archive"), backup=str(folder / "backup"), ledger=str(folder / "ledger"))
    return Office(house, organisation)
