"""What calls put on the wire, judged by Twilio's own description: Prism refuses what it does not allow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from calls_scene import ACCOUNT, connected
from connectpulse_voice.twilio import peer
from prompts_scene import call

from connectpulse.core.api import Accepted, ErrorClass, TryLater
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

ROOT = Path(__file__).parents[3]
PRISM = ROOT / "build" / "peers" / "node_modules" / ".bin" / "prism"

pytestmark = [pytest.mark.peer("prism"), pytest.mark.slow]


def description() -> Path:
    """Return Twilio's description; it is not part of the repository."""
    for folder in ROOT.parents:
        if (found := folder / "shared" / "specs" / "twilio_api_v2010.json").is_file():
            return found
    pytest.skip("twilio_api_v2010.json is not here: it is looked for in shared/specs beside the repository")


@asynccontextmanager
async def prism(spec: Path) -> AsyncIterator[str]:
    """Serve a description with Prism, which answers with its examples and refuses what does not fit it."""
    require_peer(PRISM.exists(), "Prism", "npm install --prefix build/peers @stoplight/prism-cli@5.14.2")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), spec, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(90):
            async for line in process.stdout:
                if b"listening" in line:
                    break
        drain = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
        drain.cancel()
    finally:
        process.kill()
        await process.wait()


def test_twilio_takes_what_we_send() -> None:
    batch = [
        call({"name": "علی"}, text="سلام {{ name }}", language="ur", opt_out_key="9", machine="hang_up"),
        call(text="Hello & welcome", answers="1 I come", ring_seconds=20, most_seconds=60),
    ]

    async def scene() -> None:
        async with prism(description()) as address:
            page = f"{address}/2010-04-01/Accounts/{peer.ACCOUNT}/Calls.json"
            async with aiohttp.ClientSession() as session, session.post(page, data={"To": "+92"}) as answer:
                assert answer.status in (401, 422), "it refuses nothing, so it proves nothing"
            async with connected({**ACCOUNT, "base_url": address}) as provider:
                assert await provider.send_batch(batch) == [Accepted(("CA" + "a" * 32,))] * 2
                (found,) = await provider.lookup(batch[:1])
                assert found == TryLater(timedelta(), ErrorClass.PROVIDER, "not_received"), "its example is an old call"

    asyncio.run(asyncio.wait_for(scene(), 120))
