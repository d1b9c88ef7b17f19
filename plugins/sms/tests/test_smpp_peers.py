"""The provider against servers we did not write: `smpp34` (Rust) and npm `smpp` (JavaScript)."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import smpp34
from connectpulse_sms.encoding import decode_gsm
from sms_scene import Inbox, in_loop, messages, opened, provider_for, submission

from connectpulse.core.api import Accepted, ConnectionLost, ErrorClass, MessageState, Receipt, Rejected, TryLater
from connectpulse.core.storage.embedded import free_port

LONG = "A text [of several] parts at 5 €. " * 10
SCRIPT = Path(__file__).parent / "peers" / "smsc.js"
MODULE = Path(__file__).parents[3] / "build" / "peers" / "node_modules" / "smpp"


@pytest.fixture
def npm_smpp() -> Path:
    """Return the peer's folder; skip with the reason where it is absent, fail where it is required."""
    lacking = "" if MODULE.is_dir() else "absent; run npm i --prefix build/peers smpp@0.5.1"
    lacking = lacking or ("" if shutil.which("node") else "node is not installed")
    if lacking and os.environ.get("CONNECTPULSE_REQUIRE_PEERS") == "1":
        pytest.fail(f"npm smpp is required: {lacking}")
    if lacking:
        pytest.skip(f"npm smpp: {lacking}")
    return MODULE


class Node:
    """The JavaScript SMSC: its port, and the submit_sm it prints."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return found


@asynccontextmanager
async def node(module: Path) -> AsyncIterator[Node]:
    process = await asyncio.create_subprocess_exec("node", SCRIPT, module, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Node(process, json.loads(await process.stdout.readline())["port"])
    finally:
        process.kill()
        await process.wait()


@pytest.mark.peer("npm smpp")
@in_loop
async def test_node_reads_what_we_send_and_its_receipts_come_in(npm_smpp: Path) -> None:
    inbox = Inbox()
    async with node(npm_smpp) as smsc, opened(smsc.port, inbox) as provider:
        texts = ["Hello @ [5 €]", "سلام 😀"]
        outcomes = await provider.send_batch([submission(1, texts[0]), submission(2, texts[1], sender="8558")])
        seen = [await smsc.next() for _ in texts]
        events = await inbox.receive(2)
    assert [one["text"] for one in seen] == texts
    assert [(one["source"], one["sourceTon"], one["coding"]) for one in seen] == [("ACME", 5, 0), ("8558", 3, 8)]
    assert outcomes == [Accepted((one["id"],)) for one in seen]
    assert [(e.reference, e.state) for e in events if isinstance(e, Receipt)] == [
        (one["id"], MessageState.DELIVERED) for one in seen
    ]


@pytest.mark.peer("npm smpp")
@pytest.mark.parametrize("way", ["udh", "sar", "payload"])
def test_node_reads_long_texts(npm_smpp: Path, way: str) -> None:
    @in_loop
    async def run() -> None:
        async with node(npm_smpp) as smsc, opened(smsc.port, Inbox(), long_text=way) as provider:
            (outcome,) = await provider.send_batch([submission(1, LONG)])
            assert isinstance(outcome, Accepted)
            seen = [await smsc.next() for _ in outcome.references]
        assert "".join(one["text"] for one in seen) == LONG
        total = len(seen)
        assert total == (1 if way == "payload" else 3)
        if way == "udh":
            assert [one["udh"][0][-4:] for one in seen] == [f"{total:02x}{number:02x}" for number in (1, 2, 3)]
        if way == "sar":
            assert [one["sar"][1:] for one in seen] == [[total, number] for number in (1, 2, 3)]

    run()


@pytest.mark.peer("npm smpp")
@in_loop
async def test_node_throttles_and_refuses_a_password(npm_smpp: Path) -> None:
    async with node(npm_smpp) as smsc:
        async with opened(smsc.port, Inbox()) as provider:
            (outcome,) = await provider.send_batch([submission(8)])
            assert isinstance(outcome, TryLater)
            assert outcome.error is ErrorClass.THROTTLE
        stranger = provider_for(smsc.port, Inbox(), password="bad")
        with pytest.raises(ConnectionLost) as lost:
            await stranger.open()
        assert lost.value.error is ErrorClass.CREDENTIAL
        await stranger.close()


@asynccontextmanager
async def rust(refuse: str = "") -> AsyncIterator[tuple[int, list[smpp34.SubmitSmEvent]]]:
    """Run the server of `smpp34`: it accepts with ids s1, s2 and reports each delivered at once."""
    port = free_port()
    server = smpp34.Server("127.0.0.1", port, system_id="RUST")
    await server.start()
    seen: list[smpp34.SubmitSmEvent] = []
    receipts: list[asyncio.Future[Any]] = []

    async def serve() -> None:
        esme = None
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                esme = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                if event.destination_addr == refuse:
                    event.reject(0x0B)
                    continue
                seen.append(event)
                event.accept(f"s{len(seen)}")
                assert esme is not None
                text = b"id:s%d sub:001 dlvrd:001 stat:DELIVRD err:000" % len(seen)
                report = esme.deliver_sm(event.source_addr, text, source_addr=event.destination_addr, esm_class=4)
                receipts.append(asyncio.ensure_future(report))

    serving = asyncio.create_task(serve())
    try:
        yield port, seen
    finally:
        await asyncio.gather(*receipts)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await server.stop()


@in_loop
async def test_the_rust_server_takes_a_batch_and_its_receipts_come_in() -> None:
    inbox = Inbox()
    async with rust(refuse="923000000003") as (port, seen), opened(port, inbox) as provider:
        outcomes = await provider.send_batch(messages(20, "Hi @ {5 €}"))
        await inbox.receive(19)
        assert isinstance(outcomes[2], Rejected)
        references = [outcome.references[0] for outcome in outcomes if isinstance(outcome, Accepted)]
        assert len(references) == 19
        assert {event.reference for event in inbox.events if isinstance(event, Receipt)} == set(references)
        assert {decode_gsm(one.short_message) for one in seen} == {"Hi @ {5 €}"}
        assert (await provider.check()).is_working
