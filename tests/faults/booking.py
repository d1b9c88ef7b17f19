"""Random operations on the books of a few organisations, beside a plain model of what must come out."""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from secrets import token_hex
from typing import Any

from connectpulse_billing.ledger import balances, checking, expiry, grants, policies
from connectpulse_billing.ledger.balances import Balance
from connectpulse_billing.ledger.policies import Charges

from bench.scene import scene
from connectpulse.core.api import Cause, MessageState, Movement, OutOfUnits, Refused, Work
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

OPEN = (MessageState.QUEUED, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.SENT)
CAUSES = {MessageState.EXPIRED: (Cause.PLAIN, Cause.ANSWER_LOST, Cause.NEVER_SENT)}
BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Sent:
    """Messages that move together: what they cost now, and where they are."""

    campaign_id: int
    units: Decimal
    state: MessageState = MessageState.QUEUED
    cause: Cause = Cause.PLAIN


@dataclass(slots=True)
class Trial:
    """One run. What is counted: operations by name, and every unit the model saw come and go."""

    house: House
    organisations: list[int]
    chance: random.Random
    now: datetime = BEGINNING
    sent: dict[int, list[Sent]] = field(default_factory=dict)
    charges: dict[int, Charges] = field(default_factory=dict)
    granted: Counter[int] = field(default_factory=Counter)
    taken: Counter[int] = field(default_factory=Counter)
    grants: list[tuple[int, str]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    number: int = 0
    refused: int = 0

    def run(self, operations: int, each: int = 200) -> None:
        """Do so many operations, `each` of them in one transaction, and check the books after every transaction."""
        self.house.clock = lambda: self.now
        for start in range(0, operations, each):
            with self.house.work(ADMINISTRATOR) as work:
                for _ in range(min(each, operations - start)):
                    self.step(work)

    def step(self, work: Work) -> None:
        """Do one operation, chosen by chance."""
        name, act = self.chance.choices(OPERATIONS, WEIGHTS)[0]
        self.number += 1
        act(self, work, self.chance.choice(self.organisations))
        self.done[name] += 1

    def amount(self) -> Decimal:
        return Decimal(self.chance.randrange(1, 500_000)) / 10_000

    def grant(self, work: Work, organisation: int) -> None:
        units, reference = self.amount() * 15, str(self.number)
        expires = self.now + timedelta(hours=self.chance.randrange(1, 100)) if self.chance.random() < 0.5 else None
        for _ in range(self.chance.choice((1, 1, 2))):
            grants.grant(work, organisation, units, "order", reference, expires_at=expires)
        self.granted[organisation] += units  # type: ignore[assignment]
        self.grants.append((organisation, reference))

    def reverse(self, work: Work, organisation: int) -> None:
        if not self.grants:
            return
        organisation, reference = self.grants.pop(self.chance.randrange(len(self.grants)))
        before = balances.of(work, organisation).available
        grants.reverse(work, organisation, "order", reference)
        grants.reverse(work, organisation, "order", reference)
        self.taken[organisation] += before - balances.of(work, organisation).available  # type: ignore[assignment]

    def withdraw(self, work: Work, organisation: int) -> None:
        units = self.amount()
        try:
            grants.withdraw(work, organisation, units, "adjustment", str(self.number), "a trial")
        except Refused:
            return
        self.taken[organisation] += units  # type: ignore[assignment]

    def reserve(self, work: Work, organisation: int) -> None:
        campaign_id = organisation * 10 + self.chance.randrange(5)
        if campaign_id not in self.charges:
            flags = [self.chance.random() < 0.5 for _ in range(3)]
            with contextlib.suppress(Refused):  # it may be the policy already
                policies.change(work, organisation, Charges(*flags))
            self.charges[campaign_id] = policies.in_force(work, organisation)
            policies.freeze(work, organisation, campaign_id)
        units = self.amount()
        tariff = Tariff(organisation, "sms", Purpose.PROMOTIONAL, "MEHR")
        available = balances.of(work, organisation).available
        try:
            work.registry.ledger.reserve(work, tariff, campaign_id, units)
        except OutOfUnits:
            assert available < units
            self.refused += 1
            return
        assert available >= units
        self.sent.setdefault(organisation, []).append(Sent(campaign_id, units))

    def settle(self, work: Work, organisation: int) -> None:
        movements = []
        for _ in range(self.chance.choice((1, 2, 5))):
            batch = self.chance.choice(self.sent.get(organisation) or [None])
            if batch is not None:
                movements.append(self._move(organisation, batch))
        work.registry.ledger.settle(work, movements)

    def _move(self, organisation: int, batch: Sent) -> Movement:
        higher = [state for state in MessageState if state >= batch.state and state is not MessageState.SUBMITTING]
        after = self.chance.choice(higher)
        cause = batch.cause if after is batch.state else self.chance.choice(CAUSES.get(after, (Cause.PLAIN,)))
        correction = Decimal(0)
        if self.chance.random() < 0.3:
            correction = max(self.amount() - Decimal(25), -batch.units)
        moved = Movement(
            organisation,
            batch.campaign_id,
            "sms",
            batch.state,
            after,
            1,
            batch.units,
            1,
            correction,
            batch.cause,
            cause,
        )
        batch.state, batch.cause, batch.units = after, cause, batch.units + correction
        return moved

    def expire(self, work: Work, organisation: int) -> None:
        self.now += timedelta(hours=self.chance.randrange(1, 10))
        expiry.expire(work)

    def bearing(self) -> Decimal:
        """Return what the platform bears for all organisations, so that a run shows it tried that, too."""
        with self.house.work(ADMINISTRATOR) as work:
            return sum((balances.of(work, each).borne for each in self.organisations), Decimal(0))

    def faults(self) -> list[str]:
        """Return what is wrong: with the books alone, and against what the model says."""
        with self.house.work(ADMINISTRATOR) as work:
            found = checking.faults(work)
            for organisation in self.organisations:
                balance = balances.of(work, organisation)
                found += self._against_model(organisation, balance)
        return found

    def _against_model(self, organisation: int, balance: Balance) -> list[str]:
        places: Counter[str] = Counter()
        for batch in self.sent.get(organisation, ()):
            places[self.charges[batch.campaign_id].place(batch.state, batch.cause)] += batch.units  # type: ignore[assignment]
        there = balance.available + balance.reserved + balance.spent + balance.expired - balance.borne
        told = {
            "reserved": (balance.reserved, places["reserved"]),
            "spent": (balance.spent, places["spent"]),
            "in all": (there, self.granted[organisation] - self.taken[organisation]),
        }
        wrong = [f"{organisation} {name}: {is_}, not {due}" for name, (is_, due) in told.items() if is_ != due]
        return wrong + ([f"{organisation} is below zero"] if min(balance.available, balance.borne) < 0 else [])


def begin(house: House, organisations: int, seed: int) -> Trial:
    """Return a trial on fresh organisations that have nothing yet."""
    made = []
    with house.work(ADMINISTRATOR) as work:
        for _ in range(organisations):
            row = Organisation(name=f"Books {token_hex(6)}", country="PK", timezone="UTC")
            made.append(records.create(work, row, "organisation.created").id)
    return Trial(house, made, random.Random(seed))


def main(arguments: Sequence[str]) -> None:
    """Run the trial and print what was found; exit 1 if the books do not agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults ledger", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--organisations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None, help="repeats an earlier run")
    parser.add_argument("--processes", type=int, default=1, help="share the operations; each on books of its own")
    asked = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    if asked.processes > 1:
        sys.exit(_share(asked.operations, asked.organisations, asked.processes, seed))
    began = time.monotonic()
    with scene(is_metered=True) as stage:
        trial, faults = begin(stage.house, asked.organisations, seed), []
        while not faults and trial.number < asked.operations:
            trial.run(min(50_000, asked.operations - trial.number))
            faults = trial.faults()
            print(f"{time.monotonic() - began:6.0f} s, {trial.number:,} operations, {len(faults)} faults", flush=True)
        borne = trial.bearing()
    print(json.dumps({"seed": seed, **trial.done, "refused": trial.refused, "borne": str(borne), "faults": faults}))
    sys.exit(bool(faults))


def _share(operations: int, organisations: int, processes: int, seed: int) -> int:
    """Let processes do a share of the operations each, with the seeds from `seed` on; return how many failed."""
    shares = [operations // processes + (number < operations % processes) for number in range(processes)]
    running = [
        subprocess.Popen([
            sys.executable, "-m", "tests.faults", "ledger", "--operations", str(share),
            "--organisations", str(organisations), "--seed", str(seed + number),
        ])
        for number, share in enumerate(shares)
    ]  # fmt: skip
    return sum(each.wait() != 0 for each in running)


OPERATIONS: list[tuple[str, Callable[[Trial, Work, int], Any]]] = [
    ("grant", Trial.grant), ("reverse", Trial.reverse), ("withdraw", Trial.withdraw), ("reserve", Trial.reserve),
    ("settle", Trial.settle), ("expire", Trial.expire),
]  # fmt: skip
WEIGHTS = (2, 1, 1, 40, 50, 1)
