"""People who write, and those who answer them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import select

from connectpulse.core.domain.provider import Inbound
from connectpulse.core.services import contacts, inbound
from connectpulse.core.services.conversations import answering, listing, talk, threads
from connectpulse.core.services.conversations.answering import Draft
from connectpulse.core.services.work import Actor
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Message, Thread
from connectpulse.testing import factories
from tests.unit.core.services.scene import AMINA, Scene


@dataclass
class Desk:
    """An organisation that is written to over one connection, as `Helpdesk`."""

    scene: Scene
    purposes: tuple[str, ...] = ("promotional", "transactional")
    connection_id: int = 0
    _references: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.scene.sender(*self.purposes, value="Helpdesk")
        self.connection_id = self.scene.connect()

    def hears(self, address: str, text: str, to: str = "Helpdesk") -> None:
        """Let a person write."""
        with self.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
            inbound.take(work, self.connection_id, [Inbound(address, to, text, f"r{next(self._references)}")])

    def contact(self, *addresses: str, name: str = "Zara Khan", **fields: str) -> int:
        with self.scene.work() as work:
            person = contacts.Person(name, [("email", each) for each in addresses], fields)
            return contacts.create(work, person).id

    def threads(self) -> list[Thread]:
        with self.scene.work() as work:
            return list(work.session.scalars(select(Thread).order_by(Thread.last_id)))

    def thread(self) -> Thread:
        (found,) = self.threads()
        return found

    def lines(self, view: str = "waiting", actor: Actor = AMINA, **options: Any) -> list[listing.Line]:
        with self.scene.work(actor) as work:
            return list(listing.page(work, view, **options).lines)

    def answer(self, text: str, actor: Actor = AMINA, *, closes: bool = False, **draft: Any) -> Message:
        """Answer the one conversation there is."""
        thread_id = self.thread().id
        with self.scene.work(actor) as work:
            message_id = answering.answer(work, thread_id, Draft(text, **draft), closes=closes)
        with self.scene.work() as work:
            return work.session.scalars(select(Message).where(Message.id == message_id)).one()

    def said(self) -> Sequence[talk.Said | talk.Note]:
        """Return what the one conversation there is shows at its end."""
        with self.scene.work() as work:
            return talk.page(work, threads.party(work, self.thread())).entries

    def verbs(self) -> list[str]:
        """Return what was done with conversations and canned answers, as the action log has it."""
        with self.scene.work() as work:
            found = work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id))
            return [each for each in found if each.startswith(("thread.", "canned_answer."))]

    def answer_first(self) -> None:
        """Answer the conversation that is oldest; the others wait."""
        first = self.threads()[0]
        with self.scene.work() as work:
            answering.answer(work, first.id, Draft("Hello"))


def member(scene: Scene, name: str, role: str) -> Actor:
    """Return an active member of the organisation as somebody who acts."""
    from connectpulse.web.security import accounts
    from connectpulse.web.security.manager import synchronise_roles

    with scene.house.work(factories.ADMINISTRATOR, scene.organisation) as work:
        with guard.platform_scope(work.session, "set the scene"):
            synchronise_roles(work.session, work.registry)
        account = accounts.Account(name.lower(), f"{name.lower()}@example.org", name, "Tester")
        user = accounts.create(work, account, "correct-horse-battery")
        accounts.join(work, user, role)
        return Actor("user", f"{name} Tester", user.id)
