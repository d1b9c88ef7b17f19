"""What the provider puts on the wire, judged by Meta's own description: Prism refuses what it does not allow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from connectpulse_whatsapp.simulator.options import NUMBER_ID, Options, settings
from whatsapp_scene import TEMPLATE, connected, message

from connectpulse.core.api import Accepted, Submission, files
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

ROOT = Path(__file__).parents[3]
PRISM = ROOT / "build" / "peers" / "node_modules" / ".bin" / "prism"
FILE = files.StoredFile(7, "sale.png", "image/png", 8, "d" * 64, b"\x89PNG\r\n\x1a\n")

pytestmark = [pytest.mark.peer("prism"), pytest.mark.slow]


def description() -> Path:
    """Return Meta's description; it is not part of the repository."""
    for folder in ROOT.parents:
        if (found := folder / "shared" / "specs" / "whatsapp_business_messaging_v23.yaml").is_file():
            return found
    pytest.skip("Meta's description is not here: it is looked for in shared/specs beside the repository")


PAGES = ("messages", "marketing_messages", "media")


def judging(folder: Path) -> Path:
    """Return the description of the pages we call, with what contradicts itself in it mended.

    It gives the place of a button a pattern that 0 does not fit, and closes each kind of message against the
    properties that all kinds have in common.
    """
    import yaml

    told = yaml.load(description().read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    pages = [f"/{{Version}}/{{Phone-Number-ID}}/{each}" for each in PAGES]
    told["paths"] = {path: told["paths"][path] for path in pages}
    for page in told["paths"].values():
        page["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in ("Version", "Phone-Number-ID")
        ]
        page["post"]["parameters"] = []
        page["post"]["security"] = [{"bearerAuth": []}]
    _mend(told["components"]["schemas"])
    made = folder / "whatsapp.yaml"
    made.write_text(yaml.dump(told))
    return made


def _mend(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("pattern") == "^[2-6, 11-14]$":
            schema["pattern"] = "^[0-9]$"
        for each in schema.get("allOf") or ():
            each.pop("additionalProperties", None)
        for each in schema.values():
            _mend(each)
    elif isinstance(schema, list):
        for each in schema:
            _mend(each)


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


def shared(**content: Any) -> dict[str, Any]:
    return {"content": {**TEMPLATE, **content}}


BATCH: list[Submission] = [
    message(),
    message(shared={**shared(header="image", header_file=7), "file": FILE}),
    message(shared=shared(buttons="reply: Yes\nstop: Stop")),
    message(shared=shared(buttons="link: Shop | https://a.example/{{ code }}"), extra={"buttons": {"0": "4"}}),
    message(body="سلام 🌙", shared=shared(kind="text", buttons="", footer="")),
    message(body="Shall we call?", shared=shared(kind="text", buttons="reply: Yes\nstop: Stop")),
    message(shared={**shared(kind="text", buttons="", footer="", header="image", header_file=7), "file": FILE}),
]


def test_meta_takes_what_we_send(tmp_path: Path) -> None:
    async def scene() -> None:
        async with prism(judging(tmp_path)) as address:
            page = f"{address}/v23.0/{NUMBER_ID}/messages"
            assert await status(page, {"messaging_product": "whatsapp"}) in (401, 422), "it refuses nothing"
            for more in ({}, {"uses_marketing_messages": True}):
                async with connected({**settings(Options(), address), **more}) as provider:
                    outcomes = await provider.send_batch(BATCH)
                assert [type(each) for each in outcomes] == [Accepted] * len(BATCH), outcomes

    asyncio.run(asyncio.wait_for(scene(), 90))


async def status(url: str, body: Any) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status
