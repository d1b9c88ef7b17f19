"""What the providers put on the wire, judged by the vendors' own descriptions: Prism refuses what they do not allow."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from connectpulse_sms.twilio import TwilioProvider
from connectpulse_sms.twilio import peer as twilio
from connectpulse_sms.vonage import VonageProvider
from connectpulse_sms.vonage import peer as vonage
from hosted_scene import connected, message

from connectpulse.core.api import Accepted, Outcome, Provider, Submission
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

ROOT = Path(__file__).parents[3]
PRISM = ROOT / "build" / "peers" / "node_modules" / ".bin" / "prism"
CALLBACK = "https://pulse.example.com/callbacks/7/0123456789abcdef"

pytestmark = [pytest.mark.peer("prism"), pytest.mark.slow]


def description(name: str) -> Path:
    """Return a vendor's description; they are not part of the repository."""
    for folder in ROOT.parents:
        if (found := folder / "shared" / "specs" / name).is_file():
            return found
    pytest.skip(f"{name} is not here: descriptions are looked for in shared/specs beside the repository")


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
        async with asyncio.timeout(60):
            async for line in process.stdout:
                if b"listening" in line:
                    break
        drain = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
        drain.cancel()
    finally:
        process.kill()
        await process.wait()


def judged(kind: type[Provider], settings: dict[str, Any], spec: Path, page: str) -> list[Outcome]:
    """Return what becomes of two messages; fail unless Prism refuses an empty request to the same `page`."""

    async def scene() -> list[Outcome]:
        async with prism(spec) as address:
            assert await status(address + page) in (401, 422), "it refuses nothing, so it proves nothing"
            async with connected(kind, {**settings, "base_url": address}, callback_url=CALLBACK) as provider:
                return await provider.send_batch(BATCH)

    return asyncio.run(asyncio.wait_for(scene(), 90))


async def status(url: str, fields: Mapping[str, str] | None = None) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, data=fields or {}) as answer:
        return answer.status


BATCH: list[Submission] = [message(), message("سلام 🌙 & 1+1=2", sender="+15005550006", token="2b")]


def test_twilio_takes_what_we_send() -> None:
    page = f"/2010-04-01/Accounts/{twilio.ACCOUNT}/Messages.json"
    outcomes = judged(TwilioProvider, twilio.settings(), description("twilio_api_v2010.json"), page)
    assert outcomes == [Accepted(("SM" + "a" * 32,), 1)] * 2


def test_vonage_takes_what_we_send(tmp_path: Path) -> None:
    spec = tmp_path / "vonage_sms.yml"  # Prism leaves out the path of the server that the description names
    spec.write_text(description("vonage_sms.yml").read_text().replace("\n  /{format}:\n", "\n  /sms/{format}:\n"))
    known = {**vonage.settings(), "api_secret": "0123456789abcdef"}
    assert judged(VonageProvider, known, spec, "/sms/json") == [Accepted(("0A0000000123ABCD1",), 1)] * 2
