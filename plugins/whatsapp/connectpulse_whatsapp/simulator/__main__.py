"""The command `connectpulse-whatsapp`: the simulated Cloud API as a process of its own."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from .options import Options
from .server import CloudApi


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT; print one line of JSON with both ports once they are open."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    values = {name: value for name, value in vars(asked).items() if name in Options.__slots__}
    try:
        options = Options(**values)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(_serve(options, asked.port, asked.control_port))


async def _serve(options: Options, port: int, control_port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with CloudApi(options, port, control_port) as api:
        sys.stdout.write(json.dumps(api.control.ports) + "\n")
        sys.stdout.flush()
        await ended.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connectpulse-whatsapp",
        description="A simulated WhatsApp Cloud API on loopback: templates, signed webhooks, and things that go wrong.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 for any free one")
    add("--control-port", type=int, default=0, help="port of the control endpoint")
    add("--undeliverable", type=int, metavar="PERCENT", help="share of numbers not on WhatsApp, instead of digits")
    add("--lag", type=float, default=0, metavar="SECONDS", help="between the answer and the first state")
    add("--delay", type=float, default=0, metavar="SECONDS", help="between sent, delivered and read")
    add("--batch", type=int, default=200, metavar="N", help="states in one webhook at most")
    add("--gather", type=float, default=0, metavar="SECONDS", help="a state waits for others")
    add("--callers", type=int, default=4, metavar="N", help="webhooks under way at once")
    add("--retry-after", type=float, default=1, metavar="SECONDS", help="before a refused webhook is repeated")
    add("--most-per-second", type=int, default=0, metavar="N", help="error 130429 above this")
    add("--pair-limit", type=int, default=0, metavar="N", help="error 131056 above this for one person in 6 seconds")
    add("--lose-every", type=int, default=0, metavar="N", help="cut the connection at every n-th message")
    add("--stall-every", type=int, default=0, metavar="N", help="never answer every n-th message")
    add("--review-after", type=float, default=0, metavar="SECONDS", help="until a template is decided about")
    add("--early", dest="is_early", action="store_true", help="webhooks before their answers")
    add("--shuffled", dest="is_shuffled", action="store_true", help="states out of order")
    add("--duplicated", dest="is_duplicated", action="store_true", help="every state twice")
    add("--strict", dest="is_strict", action="store_true", help="only templates that were approved may be sent")
    return parser


if __name__ == "__main__":
    main()
