"""A campaign under fire: workers are killed and the database crashes while it runs, and then it is counted.

Two records are compared that know nothing of each other: what the SMSC accepted, and what the database says.
"""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import text

from bench.line import PLAIN, trial_of, wait_until
from bench.scene import Scene, scene
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services import messages
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage import guard
from connectpulse.testing.factories import ADMINISTRATOR

from . import charging

WORKERS = 2
MOVES_WITHIN = 120.0
"""Seconds without a single message submitted after which the trial has failed: leases end in 15, circuits in 30."""
SETTLE_WITHIN = 120.0
"""Seconds for leases to end and receipts without a message to find theirs, after the last message."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen. `sessions` more than workers spare a fresh worker the wait for a dead one's lease."""

    recipients: int
    kills: int
    restarts: int
    seed: int
    window: int = 200
    sessions: int = 2
    is_metered: bool = False
    channel: str = PLAIN.name


@dataclass(slots=True)
class Verdict:
    """What was found. `is_good` when every promise held."""

    plan: Plan
    seconds: float = 0.0
    kills: int = 0
    restarts: int = 0
    lost: int = 0
    twice: int = 0
    charged_twice: int = 0
    unsettled: int = 0
    unknown_at_most: int = 0
    """What the workers that were killed may have had on the wire: a window for each session they held."""
    unknown_seen: int = 0
    unknown_resolved: int = 0
    states: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.faults

    def as_line(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        found: dict[str, Any] = asdict(self)
        return {**found.pop("plan"), **found, "unknown": len(self.unknown), "is_good": self.is_good}


def run(plan: Plan, tell: Callable[[str], None] = lambda line: None) -> Verdict:
    """Run the campaign through its faults; return what became of everybody."""
    verdict = Verdict(plan)
    chance = random.Random(plan.seed)
    with scene(is_metered=plan.is_metered, trial=trial_of(plan.channel)) as stage:
        list_id = stage.line.audience(plan.recipients)
        stage.connect(Limits(window=plan.window, sessions=plan.sessions))
        campaign_id, quote_id = stage.line.campaign(list_id)
        for _ in range(WORKERS):
            stage.start_worker()
        began = time.monotonic()
        stage.line.launch(campaign_id, quote_id)
        for moment, fault in _moments(plan, chance):
            if not _wait_for(stage, moment, verdict):
                break
            tell(f"{time.monotonic() - began:6.1f} s, {moment:,} submitted: {fault}")
            _strike(stage, fault, chance, verdict)
        if verdict.is_good:
            _settle(stage, verdict)
        verdict.seconds = round(time.monotonic() - began, 1)
        _judge(stage, campaign_id, verdict)
        if plan.is_metered:
            charging.judge(stage, campaign_id, verdict)
    return verdict


def _moments(plan: Plan, chance: random.Random) -> list[tuple[int, str]]:
    """Return the faults in order, each with the number of submitted messages it waits for."""
    faults = ["kill"] * plan.kills + ["restart"] * plan.restarts
    chance.shuffle(faults)
    moments = sorted(chance.randrange(1, int(plan.recipients * 0.95)) for _ in faults)
    return list(zip(moments, faults, strict=True))


def _wait_for(stage: Scene, submitted: int, verdict: Verdict) -> bool:
    """Return True once so many are submitted; False, with the fault written down, if that will not be."""
    seen, moved_at = -1, time.monotonic()
    while True:
        messages = stage.simulator.record()["messages"]
        if messages >= submitted:
            return True
        if messages != seen:
            seen, moved_at = messages, time.monotonic()
        if _has_deserters(stage, verdict):
            return False
        if time.monotonic() - moved_at > MOVES_WITHIN:
            verdict.faults.append(f"Nothing was submitted for {MOVES_WITHIN:g} seconds, at {seen} of {submitted}.")
            return False
        time.sleep(0.02)


def _has_deserters(stage: Scene, verdict: Verdict) -> bool:
    """Write down the workers that ended although nobody ended them; return whether there are any."""
    gone = [worker for worker in stage.workers if worker.poll() is not None]
    verdict.faults += [f"A worker ended by itself with code {worker.returncode}." for worker in gone]
    for worker in gone:
        stage.workers.remove(worker)
    if gone:
        last = (stage.folder / "workers.log").read_text(errors="replace").splitlines()[-3:]
        verdict.faults += [f"The workers' log ends with: {line[:200]}" for line in last]
    return bool(gone)


def _strike(stage: Scene, fault: str, chance: random.Random, verdict: Verdict) -> None:
    if fault == "restart":
        stage.server.stop("immediate")
        stage.server.ensure_running()
        verdict.restarts += 1
        return
    serving = _holding(stage, "connected")
    victim = chance.choice([worker for worker in stage.workers if worker.pid in serving] or stage.workers)
    victim.kill()
    victim.wait()
    verdict.unknown_at_most += verdict.plan.window * _holding(stage).count(victim.pid)
    stage.workers.remove(victim)
    stage.start_worker()
    verdict.kills += 1


def _holding(stage: Scene, state: str = "") -> list[int]:
    """Return for each session the process id of the worker that holds it, open or not yet said to be; or in `state`."""
    with stage.house.work(ADMINISTRATOR) as work:
        rows = work.session.execute(text("SELECT worker, state FROM pulse_connection_slot WHERE worker <> ''")).all()
    return [int(name.split(":")[1]) for name, found in rows if state in ("", found)]


def _settle(stage: Scene, verdict: Verdict) -> None:
    """Wait until nothing can change any more: all is handed over, and every receipt has found its message."""

    ends = {MessageState.UNKNOWN}
    if not stage.line.trial.reports_delivery:
        ends |= {MessageState.ACCEPTED, MessageState.SENT}

    def everything_is_settled() -> bool:
        _has_deserters(stage, verdict)
        counted = _states(stage)
        verdict.unknown_seen = max(verdict.unknown_seen, counted.get(MessageState.UNKNOWN, 0))
        is_open = any(state not in ends and not state.is_final for state in counted)
        return not (is_open or verdict.faults or stage.simulator.record()["waiting"] or _adoptable(stage))

    try:
        wait_until(everything_is_settled, SETTLE_WITHIN, 0.5)
    except TimeoutError as error:
        verdict.faults.append(str(error))


def _states(stage: Scene) -> dict[MessageState, int]:
    with stage.house.work(ADMINISTRATOR) as work:
        rows = work.session.execute(text("SELECT state, count(*) FROM pulse_message GROUP BY state"))
        return {MessageState(state): count for state, count in rows}


def _adoptable(stage: Scene) -> int:
    """Return how many receipts have not found their message yet, or are still in what a provider called back with."""
    with stage.house.work(ADMINISTRATOR) as work:
        return int(work.session.scalar(text(_UNREAD)) or 0)


_UNREAD = """
SELECT (SELECT count(*) FROM pulse_receipt WHERE message_id IS NULL)
     + (SELECT count(*) FROM pulse_callback WHERE state = 'open')
"""


def _judge(stage: Scene, campaign_id: int, verdict: Verdict) -> None:
    plan, record = verdict.plan, stage.simulator.record()
    counted = _states(stage)
    verdict.states = {state.label: count for state, count in counted.items()}
    verdict.unknown = _listed_unknown(stage, campaign_id)
    verdict.unknown_resolved = verdict.unknown_seen - len(verdict.unknown)
    taken = sum(counted.get(state, 0) for state in (MessageState.ACCEPTED, MessageState.SENT))
    reports = stage.line.trial.reports_delivery
    settled = sum(count for state, count in counted.items() if state.is_final) + (0 if reports else taken)
    verdict.lost = plan.recipients - settled - len(verdict.unknown)
    verdict.twice = record["duplicates"]
    delivered = sum(counted.get(state, 0) for state in (MessageState.DELIVERED, MessageState.READ))
    told_late = stage.line.trial.reports_late
    taken_unknown = sum(map(bool, map(stage.simulator.sent_to, verdict.unknown))) if reports else 0
    figures = {name: count for name, count in stage.line.figures(campaign_id).items() if name.startswith("state:")}
    promises = {
        f"{verdict.lost} recipients are lost": verdict.lost == 0,
        f"{verdict.twice} messages were submitted twice": verdict.twice == 0,
        f"{verdict.unknown_seen} were unknown, more than {verdict.unknown_at_most}":
            verdict.unknown_seen <= verdict.unknown_at_most,
        f"the list of unknown messages has {len(verdict.unknown)} lines for {counted.get(MessageState.UNKNOWN, 0)}":
            len(verdict.unknown) == counted.get(MessageState.UNKNOWN, 0),
        f"the simulator took {record['messages']} messages, {delivered} are delivered, {taken_unknown} unknown":
            record["messages"] == delivered + taken_unknown or not reports,
        f"{taken_unknown} unknown messages were taken by the simulator": not taken_unknown or not told_late,
        f"the figures say {figures}, the messages {verdict.states}":
            figures == {f"state:{name}": count for name, count in verdict.states.items()},
        f"the campaign is {stage.line.state(campaign_id)}": stage.line.state(campaign_id) == "finished",
    }  # fmt: skip
    verdict.faults += [f"Broken promise: {said}." for said, is_kept in promises.items() if not is_kept]


def _listed_unknown(stage: Scene, campaign_id: int) -> list[str]:
    """Return the addresses of the unknown messages as the message log lists them."""
    found: list[str] = []
    before: int | None = None
    with stage.house.work(ADMINISTRATOR, stage.line.organisation) as work, guard.platform_scope(work.session, "trial"):
        while True:
            page = messages.search(work, campaign_id=campaign_id, states=[MessageState.UNKNOWN], before=before)
            found += [line.address for line in page.lines]
            if page.older is None:
                return found
            before = page.older
