"""How fast the SMPP provider is with nothing behind it: messages per second against the simulator.

Two processes and no database. A run submits every message, takes every receipt in and answers it, and
ends with the last receipt. It fails unless the simulator's own record says that each message came once.

    python bench/bare_wire.py [messages] [window]
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import aiohttp
from connectpulse_sms.smpp.provider import SmppProvider

from connectpulse.core.api import Accepted, Events, Submission

BATCH: Final = 500
"""Messages per `send_batch`, as the wire hands them over."""

CONCURRENT: Final = 4
"""Batches under way at once, so that the window never runs dry."""

TEXT: Final = "Dear customer, your order {} was sent today and will reach you by Friday. Thank you!"


def measure(messages: int, window: int) -> dict[str, Any]:
    """Return messages per second, submitted alone and with receipts, and the simulator's record."""
    return asyncio.run(_measure(messages, window))


async def _measure(messages: int, window: int) -> dict[str, Any]:
    async with _simulator() as ports, aiohttp.ClientSession() as http:
        submitted, _ = await _run(ports["smpp_port"], messages, window, receipts="none")
        control = f"http://127.0.0.1:{ports['control_port']}"
        (await http.post(f"{control}/reset")).raise_for_status()
        sent, complete = await _run(ports["smpp_port"], messages, window, receipts="final")
        record = await (await http.get(f"{control}/record")).json()
    if record["distinct"] != messages or record["duplicates"] or record["waiting"]:
        raise RuntimeError(f"The simulator's record does not agree with what was sent: {record}.")
    return {
        "messages": messages,
        "window": window,
        "submitted_per_second": round(messages / submitted),
        "submitted_per_second_beside_receipts": round(messages / sent),
        "complete_per_second": round(messages / complete),
        "record": record,
    }


async def _run(port: int, messages: int, window: int, receipts: str) -> tuple[float, float]:
    """Return the seconds until the last answer, and until the last receipt was in and answered."""
    missing = messages if receipts != "none" else 0
    complete = asyncio.Event()

    async def intake(events: Events) -> None:
        nonlocal missing
        missing -= len(events)
        if missing <= 0:
            complete.set()

    settings = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "pulse",
        "password": "pulse",
        "receipts": receipts,
    }
    provider = SmppProvider(settings, intake, window=window)
    batches = iter([_batch(first, min(first + BATCH, messages)) for first in range(0, messages, BATCH)])
    await provider.open()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        for _ in range(CONCURRENT):
            sending.create_task(_send(provider, batches))
    submitted = time.perf_counter() - started
    if missing:
        await complete.wait()
    completed = time.perf_counter() - started
    await provider.close()
    return submitted, completed


async def _send(provider: SmppProvider, batches: Any) -> None:
    for batch in batches:
        outcomes = await provider.send_batch(batch)
        if not all(isinstance(outcome, Accepted) for outcome in outcomes):
            raise RuntimeError(f"Not every message was accepted: {outcomes[:3]}.")


def _batch(first: int, last: int) -> list[Submission]:
    return [
        Submission(
            number,
            f"+92300{number:07d}",
            "ACME",
            TEXT.format(number),
            1,
            timedelta(hours=4),
            f"token-{number}",
        )
        for number in range(first, last)
    ]


@asynccontextmanager
async def _simulator() -> AsyncIterator[dict[str, int]]:
    """Run the simulator as a process; yields its ports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectpulse_sms.simulator", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(json.dumps(measure(count, int(sys.argv[2]) if len(sys.argv) > 2 else 200), indent=2))
