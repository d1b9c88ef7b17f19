"""The simulated SMSC: a real SMPP 3.4 server on loopback with its own record."""

import asyncio
import ssl
from collections import deque
from types import TracebackType

from ..smpp.pdu import Message
from ..smpp.status import Status
from .link import Link
from .network import Network, inbound
from .options import Options
from .record import Record


class Account:
    """A system_id: its sessions, and what waits for any of them that receives."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.waiting: deque[bytes] = deque()

    def flush(self) -> None:
        """Hand what waits to the sessions that have room for it."""
        for link in self.links:
            if self.waiting and link.receives:
                link.flush()


class Smsc:
    """Use as `async with Smsc(options) as smsc`; it then listens on `smsc.port`.

    Receipts that no session takes are kept for the next one, and sent until they are answered with
    success. `record` holds what was accepted. With `tls`, the server's side of it, lines are encrypted.
    """

    def __init__(
        self,
        options: Options | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.options = options or Options()
        self.host = host
        self.port = port
        self.tls = tls
        self.network = Network(self.options)
        self.record = Record(self.options.alphabet, self.network.fate)
        self.links: set[Link] = set()
        self.accounts = {system_id: Account() for system_id in self.options.accounts}
        self._refusals = {number.removeprefix("+").encode(): s for number, s in self.options.refuse.items()}
        self._count = 0
        self._second = 0
        self._in_second = 0
        self._due: dict[int, list[bytes]] = {}
        self._references = 0

    async def __aenter__(self) -> "Smsc":
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(lambda: Link(self), self.host, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        while self.links:
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut every connection, as a crash would."""
        for link in tuple(self.links):
            link.abort()

    def reset(self) -> None:
        """Forget the record and everything that waits."""
        self.record.clear()
        for bodies in self._due.values():
            bodies.clear()
        for account in self.accounts.values():
            account.waiting.clear()
        for link in self.links:
            link.unanswered.clear()

    def receive(self, source: str, destination: str, text: str, system_id: str | None = None) -> int:
        """Take a person's message for an account, the first if none is named; return its parts.

        Raises KeyError for an unknown system_id, ValueError for an address or text that cannot be sent.
        """
        account = self.accounts[system_id or next(iter(self.accounts))]
        self._references += 1
        bodies = inbound(source, destination, text, self._references)
        account.waiting += bodies
        account.flush()
        return len(bodies)

    def waiting(self) -> int:
        """Return how many deliver_sm are due, unsent or unanswered."""
        kept = sum(len(account.waiting) for account in self.accounts.values())
        kept += sum(map(len, self._due.values()))
        return kept + sum(len(link.unanswered) for link in self.links)

    # --- what links ask

    def bind(self, link: Link, system_id: str, password: bytes) -> tuple[Status, Account | None]:
        """Return whether a session is admitted, and its account."""
        if system_id not in self.options.accounts:
            return Status.ESME_RINVSYSID, None
        if self.options.accounts[system_id].encode() != password:
            return Status.ESME_RINVPASWD, None
        account = self.accounts[system_id]
        account.links.append(link)
        return Status.ESME_ROK, account

    def admit(self, message: Message) -> int:
        """Count a submit_sm and return the command_status that refuses it, 0 if it is accepted."""
        self._count += 1
        if self.is_turn(self.options.throttle_every) or self._is_too_fast():
            return Status.ESME_RTHROTTLED
        return self._refusals.get(message.destination, 0) if self._refusals else 0

    def is_turn(self, every: int) -> bool:
        """Return whether the submit_sm counted last is an n-th one; never for 0."""
        return every > 0 and self._count % every == 0

    def later(self, delay: float, account: Account, bodies: list[bytes]) -> None:
        """Offer deliver_sm to an account after `delay` seconds."""
        self._due[id(bodies)] = bodies
        self._loop.call_later(delay, self._offer, account, bodies)

    def _offer(self, account: Account, bodies: list[bytes]) -> None:
        del self._due[id(bodies)]
        account.waiting += bodies
        account.flush()

    def _is_too_fast(self) -> bool:
        if not self.options.most_per_second:
            return False
        second = int(self._loop.time())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second > self.options.most_per_second
