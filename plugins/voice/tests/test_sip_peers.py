"""Calls to SIP stacks we did not write: SIPp, and baresip as Debian has it, with sound and keys."""

import asyncio
import json
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from connectpulse_voice.sip.samples import submission, tone
from voice_scene import Inbox, in_loop, opened

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, TryLater
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

MODULES = Path("/usr/lib/baresip/modules")
_ECHO = ["[last_Via:]", "[last_From:]", "[last_To:];tag=[pid]SIPp[call_number]", "[last_Call-ID:]", "[last_CSeq:]"]


def refusing(status: int, phrase: str) -> str:
    """Return a scenario of SIPp that rings and refuses."""
    ringing, final = (
        "\n".join((f"SIP/2.0 {line}", *_ECHO, "Contact: <sip:[local_ip]:[local_port]>", "Content-Length: 0", "", ""))
        for line in ("180 Ringing", f"{status} {phrase}")
    )
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="refuse"><recv request="INVITE"/><send><![CDATA[
{ringing}]]></send><send retrans="500"><![CDATA[
{final}]]></send><recv request="ACK"/></scenario>"""


@asynccontextmanager
async def sipp(*options: str) -> AsyncIterator[int]:
    """Start SIPp as the called side; yields its port."""
    require_peer(shutil.which("sipp") is not None, "SIPp", "apt-get install sip-tester")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "sipp", "-i", "127.0.0.1", "-p", str(port), "-nostdin", *options,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield port
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("status", "phrase", "outcome", "transport"),
    [
        (486, "Busy Here", Rejected("busy", ErrorClass.RECIPIENT, "486"), "udp"),
        (486, "Busy Here", Rejected("busy", ErrorClass.RECIPIENT, "486"), "tcp"),
        (480, "Temporarily Unavailable", Rejected("no_answer", ErrorClass.RECIPIENT, "480"), "udp"),
        (404, "Not Found", Rejected("invalid_number", ErrorClass.RECIPIENT, "404"), "udp"),
        (603, "Decline", Rejected("declined", ErrorClass.RECIPIENT, "603"), "udp"),
        (503, "Unavailable", TryLater(timedelta(minutes=1), ErrorClass.PROVIDER, "congestion", "503"), "udp"),
    ],
)
def test_sipp_refuses(status: int, phrase: str, outcome: Outcome, transport: str, tmp_path: Path) -> None:
    @in_loop
    async def run() -> None:
        scenario = tmp_path / "refuse.xml"
        scenario.write_text(refusing(status, phrase))
        inbox = Inbox()
        mode = ("-t", "t1") if transport == "tcp" else ()
        async with sipp("-sf", str(scenario), *mode) as port:
            await _listens(port, transport)
            async with opened(port, inbox, asks_for_life=False, transport=transport) as provider:
                assert await provider.send_batch([submission(1)]) == [outcome]
        assert not inbox.events

    run()


@in_loop
async def test_sipp_answers_and_our_hang_up_ends_it() -> None:
    inbox = Inbox()
    async with sipp("-sn", "uas", "-mi", "127.0.0.1") as port:
        await _listens(port, "udp")
        async with opened(port, inbox, asks_for_life=False) as provider:
            (outcome,) = await inbox.send(provider, submission(1))
            assert isinstance(outcome, Accepted)
    (receipt,) = inbox.receipts
    assert (receipt.reference, receipt.reason) == (outcome.references[0], "answered_unknown")


async def _listens(port: int, transport: str) -> None:
    """Wait until the port is taken, which is all that can be seen of a peer that answers only calls."""
    table = Path(f"/proc/net/{transport}")
    while f"0100007F:{port:04X}" not in table.read_text():
        await asyncio.sleep(0.02)


@asynccontextmanager
async def baresip(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Start Debian's baresip, which answers everybody with a tone and records; yields its SIP and control ports."""
    require_peer(shutil.which("baresip") is not None and MODULES.is_dir(), "baresip", "apt-get install baresip-core")
    port, control = free_port(), free_port()
    (folder / "hello.wav").write_bytes(tone(0.4, silence=20))  # at its end it hangs up
    modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile", "aubridge", "sndfile"))
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\nmodule_path {MODULES}\n{modules}"
        "module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
        f"audio_source aufile,{folder}/hello.wav\naudio_player aubridge,none\naudio_alert aubridge,none\n"
        f"snd_path {folder}\nctrl_tcp_listen 127.0.0.1:{control}\n"
    )
    (folder / "accounts").write_text("<sip:+923001234501@127.0.0.1>;regint=0;answermode=auto\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        "baresip", "-f", str(folder), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _listens(port, "udp")
        yield port, control
    finally:
        process.kill()
        await process.wait()


async def press(control: int, digit: str) -> None:
    """Let baresip press a key."""
    reader, writer = await asyncio.open_connection("127.0.0.1", control)
    for code in (digit, "\x04"):
        order = json.dumps({"command": "sndcode", "params": code})
        writer.write(f"{len(order)}:{order},".encode())
        await writer.drain()
    await reader.read(64)
    writer.close()


@in_loop
async def test_baresip_hears_us_to_the_end(tmp_path: Path) -> None:
    """On a machine that is busy, sound comes late and is thrown away: most of it must come through once of three."""
    best = 0
    for number in (1, 2, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        inbox = Inbox()
        async with baresip(folder) as (port, _), opened(port, inbox) as provider:
            assert isinstance((await inbox.send(provider, submission(number)))[0], Accepted)
        (dump,) = folder.glob("dump-*-dec.wav")
        with wave.open(str(dump)) as heard:
            samples = memoryview(heard.readframes(heard.getnframes())).cast("h")
        is_person = inbox.receipts[0].reason == "answered_human"  # it said hello for 0.4 s
        best = max(best, is_person and sum(abs(each) > 500 for each in samples))
        if best > 1200:
            break
    assert best > 1200, "most of 0.3 s of a tone"


@in_loop
async def test_baresip_presses_a_key(tmp_path: Path) -> None:
    inbox = Inbox()
    async with baresip(tmp_path) as (port, control), opened(port, inbox) as provider:
        asked = submission(1, answers="1 Yes, I come", wait_seconds=20)
        call = asyncio.create_task(inbox.send(provider, asked))
        while not call.done():
            await press(control, "1")
            await asyncio.sleep(0.2)
        assert isinstance((await call)[0], Accepted)
    assert inbox.answers[0].text == "Yes, I come"
    assert inbox.receipts[0].reason == "answered_human"
    assert set(inbox.receipts[0].code) == {"1"}
