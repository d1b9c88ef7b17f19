"""What the simulator tells us: states of messages in batches, and single changes, signed like Meta's.

One task gathers what is due and posts it; nothing is made per message but its line of JSON.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from ..cloud.signature import sign
from .errors import status_error
from .fates import SERVICE, Fate
from .options import Options

_PATIENCE: Final = ClientTimeout(total=10)
_TICK: Final = 0.01


class Due(NamedTuple):
    """A state of a message that will be told. `stage` counts sent, delivered, read from 0."""

    at: float
    stage: int
    wamid: str
    number_id: str
    to: str
    token: str
    category: str
    fate: Fate


class Webhooks:
    """Calls `url` once it is known; until then what is told waits."""

    def __init__(self, options: Options) -> None:
        self.url = ""
        self._wanted = ""
        self.answers: list[int] = []
        self.told = 0
        self._options = options
        self._due: tuple[deque[Due], ...] = (deque(), deque(), deque())
        self._changes: deque[Mapping[str, Any]] = deque()
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._under_way = 0
        self._random = random.Random(7)  # noqa: S311 - the same shuffle in every run

    async def __aenter__(self) -> "Webhooks":
        connector = TCPConnector(limit=self._options.callers, keepalive_timeout=1.5)
        self._session = ClientSession(timeout=_PATIENCE, connector=connector)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        assert self._session is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    @property
    def waiting(self) -> int:
        """States and changes that were not told yet."""
        return sum(map(len, self._due)) + len(self._changes) + self._under_way

    def accept(self, wamid: str, number_id: str, to: str, token: str, category: str, fate: Fate) -> None:
        """Tell what becomes of an accepted message."""
        if fate.name != "silent":
            self._due[0].append(
                Due(time.monotonic() + self._options.lag, 0, wamid, number_id, to, token, category, fate)
            )

    def tell(self, field: str, value: Mapping[str, Any]) -> None:
        """Tell a change of another kind."""
        self._changes.append({"field": field, "value": value})

    async def flush(self) -> None:
        """Return once everything that is due was told."""
        while self.url and any(queue and queue[0].at <= time.monotonic() for queue in self._due):
            await asyncio.sleep(_TICK)
        while self.url and (self._changes or self._under_way):
            await asyncio.sleep(_TICK)

    async def handshake(self, url: str) -> bool:
        """Ask `url` whether it is ours, as Meta does when it is entered; from then on it is told everything.

        One that does not answer rightly yet is asked again until it does, or another is entered.
        """
        self.url, self._wanted = "", url
        return await self._shake_hands(url)

    async def _shake_hands(self, url: str) -> bool:
        assert self._session is not None
        query = {"hub.mode": "subscribe", "hub.verify_token": self._options.verify_token, "hub.challenge": "1158201444"}
        try:
            async with self._session.get(url, params=query) as answer:
                is_ours = answer.status == 200 and await answer.text() == "1158201444"
        except (ClientError, OSError, TimeoutError):
            return False
        if is_ours and url == self._wanted:
            self.url = url
        return is_ours

    async def _run(self) -> None:
        """Keep `callers` posts under way while there is something to tell."""
        posts: set[asyncio.Task[None]] = set()
        try:
            while True:
                if self._wanted and not self.url and not await self._shake_hands(self._wanted):
                    await asyncio.sleep(self._options.retry_after)
                posts = {post for post in posts if not post.done()}
                found = self._next() if self.url and len(posts) < self._options.callers else None
                if found is None:
                    await (asyncio.wait(posts, timeout=_TICK) if posts else asyncio.sleep(_TICK))
                    continue
                posts.add(asyncio.create_task(self._post(*found)))
        finally:
            for post in posts:
                post.cancel()

    def _next(self) -> tuple[int, bytes] | None:
        """Return how much the next webhook tells, and its body; None while nothing is due."""
        if self._changes:
            self._under_way += 1
            return 1, _payload(self._options.account_id, json.dumps([self._changes.popleft()]))
        now = time.monotonic()
        if not self._is_time(now):
            return None
        due: list[Due] = []
        for queue in self._due:
            while queue and queue[0].at <= now and len(due) < self._options.batch:
                due.append(queue.popleft())
        self._under_way += len(due)
        if self._options.is_shuffled:
            self._random.shuffle(due)
        self._follow(due, now)
        return len(due), _payload(self._options.account_id, self._changes_of(due))

    def _is_time(self, now: float) -> bool:
        """Whether a webhook would be full, or something is due that has waited for others long enough."""
        firsts = [queue[0].at for queue in self._due if queue and queue[0].at <= now]
        if not firsts:
            return False
        last = self._options.batch - 1
        is_full = any(len(queue) > last and queue[last].at <= now for queue in self._due)
        return is_full or min(firsts) <= now - self._options.gather

    def _follow(self, due: Iterable[Due], now: float) -> None:
        """Let what follows these states be told after a while."""
        at = now + self._options.delay
        for each in due:
            if each.stage < each.fate.last:
                self._due[each.stage + 1].append(each._replace(at=at, stage=each.stage + 1))

    def _changes_of(self, due: Iterable[Due]) -> str:
        by_number: dict[str, list[Due]] = {}
        for each in due:
            by_number.setdefault(each.number_id, []).append(each)
        return "[" + ",".join(self._change(number_id, rows) for number_id, rows in by_number.items()) + "]"

    def _change(self, number_id: str, rows: list[Due]) -> str:
        stamp = int(time.time())
        told = [_status(each, stamp) for each in rows]
        people = ",".join(_person(each.to) for each in rows)
        if self._options.is_duplicated:
            told += told
        return (
            f'{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{self._metadata(number_id)},'
            f'"contacts":[{people}],"statuses":[{",".join(told)}]}}}}'
        )

    def _metadata(self, number_id: str) -> str:
        return json.dumps(metadata(self._options, number_id))

    async def _post(self, count: int, body: bytes) -> None:
        """Post until it is taken, as Meta does."""
        assert self._session is not None
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": sign(self._options.app_secret, body)}
        while True:
            try:
                async with self._session.post(self.url, data=body, headers=headers) as answer:
                    await answer.read()
                    status = answer.status
            except (ClientError, OSError, TimeoutError):
                status = 0
            self.answers.append(status)
            if 200 <= status < 300:
                break
            await asyncio.sleep(self._options.retry_after)
        self._under_way -= count
        self.told += count


def metadata(options: Options, number_id: str) -> dict[str, str]:
    """Return which number of ours a change is about."""
    return {"display_phone_number": options.numbers.get(number_id, "")[1:], "phone_number_id": number_id}


def user_id(to: str) -> str:
    """Return the business-scoped user id of a person, who may have been written to by it."""
    return f"PK.{to}" if to.isdigit() else to


def _person(to: str) -> str:
    wa_id = f'"wa_id":"{to}",' if to.isdigit() else ""
    return f'{{{wa_id}"user_id":"{user_id(to)}","profile":{{"name":"Trial"}}}}'


def _status(due: Due, stamp: int) -> str:
    token = f',"biz_opaque_callback_data":"{due.token}"' if due.token else ""
    head = f'{{"id":"{due.wamid}","timestamp":"{stamp}","recipient_id":"{due.to}"{token}'
    if due.fate.failed:
        return f'{head},"status":"failed","errors":{status_error(due.fate.failed)}}}'
    status = ("sent", "delivered", "read")[due.stage]
    is_billed = "false" if due.category == SERVICE else "true"
    kind = "free_customer_service" if due.category == SERVICE else "regular"
    return (
        f'{head},"status":"{status}","pricing":{{"billable":{is_billed},"pricing_model":"PMP","type":"{kind}",'
        f'"category":"{due.category}"}}}}'
    )


def _payload(account_id: str, changes: str) -> bytes:
    stamp = int(time.time())
    entry = f'{{"id":"{account_id}","time":{stamp},"changes":{changes}}}'
    return f'{{"object":"whatsapp_business_account","entry":[{entry}]}}'.encode()
