"""What goes to SendGrid, judged by its own description: Prism refuses what that does not allow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cloud_scene import VENDORS, connected
from connectpulse_email.letter import Attachment
from email_scene import URDU, letter, shared

from connectpulse.core.api import Accepted
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

ROOT = Path(__file__).parents[3]
PRISM = ROOT / "build" / "peers" / "node_modules" / ".bin" / "prism"

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


def test_sendgrid_takes_what_we_send() -> None:
    files = (Attachment("prices.pdf", "application/pdf", b"%PDF"),)
    whole = letter(2, shared=shared(f"<p>{URDU}</p>", files=files, reply_to="desk@acme.example"))
    vendor = VENDORS["sendgrid"]

    async def scene() -> None:
        async with prism(description("sendgrid_mail_v3.json")) as address:
            async with (
                aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session,
                session.post(f"{address}/v3/mail/send", json=json.loads('{"subject": 7}')) as answer,
            ):
                assert answer.status in (400, 422), "it refuses nothing, so it proves nothing"
            settings = {**vendor.settings, "base_url": address}
            async with connected(vendor.kind, settings) as provider:
                assert await provider.send_batch([letter(), whole]) == [Accepted(("1-1",)), Accepted(("2-1",))]

    asyncio.run(asyncio.wait_for(scene(), 90))
