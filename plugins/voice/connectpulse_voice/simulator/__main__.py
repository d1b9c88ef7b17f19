"""`connectpulse-callees`: people on loopback who can be called over SIP. It ends at SIGTERM."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from .callees import Callees
from .control import control
from .options import Options

_USUAL = Options()


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer calls until told to end; prints the ports as one line of JSON."""
    asked = _parser().parse_args(arguments)
    options = Options(asked.rings, asked.hello, asked.greeting, asked.undeliverable, asked.account, asked.password)
    asyncio.run(_serve(options, asked.port, asked.control_port))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="connectpulse-callees", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="UDP port of SIP; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP port of the record; 0 takes a free one")
    parser.add_argument("--rings", type=float, default=_USUAL.rings, help="seconds until somebody picks up")
    parser.add_argument("--hello", type=float, default=_USUAL.hello, help="seconds a person says hello")
    parser.add_argument("--greeting", type=float, default=_USUAL.greeting, help="seconds a machine speaks")
    parser.add_argument("--undeliverable", type=int, default=0, help="percent of numbers that do not exist")
    parser.add_argument("--account", default="", help="ask callers for this user's digest")
    parser.add_argument("--password", default="", help="the password of the account")
    return parser


async def _serve(options: Options, port: int, control_port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    callees = Callees(options)
    await callees.start(port)
    async with control(callees, control_port) as http:
        sys.stdout.write(json.dumps({"sip_port": callees.port, "control_port": http}) + "\n")
        sys.stdout.flush()
        await ended.wait()
    await callees.stop()


if __name__ == "__main__":
    main()
