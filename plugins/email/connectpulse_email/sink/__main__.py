"""The command `connectpulse-mail-sink`: a mail server for trials, as a process of its own."""

import argparse
import asyncio
import json
import signal
import socket
import sys
from collections.abc import Sequence

from .control import control
from .options import Options
from .server import Sink


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT; print one line of JSON with its ports once they are open."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        asked.report_port = asked.report_port or _free_port()
        options = Options(**{name: value for name, value in vars(asked).items() if name in Options.__slots__})
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(_serve(options, asked.port, asked.control_port))


async def _serve(options: Options, port: int, control_port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ports = {"report_port": options.report_port}
    async with Sink(options, port=port) as sink:
        ports["smtp_port"] = sink.port
        async with control(sink, ports, control_port):
            await _tell(ports, ended)


async def _tell(ports: dict[str, int], ended: asyncio.Event) -> None:
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await ended.wait()


def _free_port() -> int:
    """Return a port at which our side may listen for reports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connectpulse-mail-sink",
        description="A mail server on loopback that passes nothing on. The last two digits before the @ of an address "
        "decide what becomes of a letter: 91 nobody, 92 and 93 bounce, 94 refused, 95 complains, 96 later, 97 lost.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="SMTP port, 0 for any free one")
    add("--control-port", type=int, default=0, help="port of the HTTP control endpoint")
    add("--seed", type=int, default=0, help="changes which addresses share which fate")
    add("--refused", type=int, default=0, metavar="PERCENT", help="share of addresses that do not exist")
    add("--undeliverable", type=int, default=0, metavar="PERCENT", help="share of addresses whose letters bounce later")
    add("--report-host", default="127.0.0.1", help="where reports go")
    add("--report-port", type=int, default=0, help="where reports go, 0 for any free one")
    add("--report-delay", type=float, default=0, metavar="SECONDS")
    add("--kept", type=int, default=1000, metavar="N", help="letters kept whole")
    return parser


if __name__ == "__main__":
    main()
