"""The command `connectpulse-smsc`: the simulated SMSC as a process of its own."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from .control import control
from .options import Options
from .smsc import Smsc


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT; print one line of JSON with both ports once they are open."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        options = _options(asked)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(_serve(options, asked.port, asked.control_port))


async def _serve(options: Options, port: int, control_port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Smsc(options, port=port) as smsc, control(smsc, control_port) as opened:
        sys.stdout.write(json.dumps({"smpp_port": smsc.port, "control_port": opened}) + "\n")
        sys.stdout.flush()
        await ended.wait()


def _options(asked: argparse.Namespace) -> Options:
    values = {name: value for name, value in vars(asked).items() if name in Options.__slots__}
    values["accounts"] = dict(asked.accounts or [("pulse", "pulse")])
    values["refuse"] = dict(asked.refuse)
    return Options(**values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="connectpulse-smsc",
        description="A simulated SMSC on loopback: SMPP 3.4, delivery receipts, and things that go wrong.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="SMPP port, 0 for any free one")
    add("--control-port", type=int, default=0, help="port of the HTTP control endpoint")
    add("--account", dest="accounts", type=_account, action="append", metavar="ID:PASSWORD")
    add("--alphabet", choices=("gsm7", "latin1", "ascii"), default="gsm7", help="what data coding 0 means")
    add("--seed", type=int, default=0, help="changes which destinations share which fate")
    for share in ("undeliverable", "expired", "rejected"):
        add(f"--{share}", type=int, default=0, metavar="PERCENT", help=f"share of destinations {share}")
    add("--refuse", type=_refusal, action="append", default=[], metavar="NUMBER=STATUS")
    for trouble in ("throttle", "stall", "drop"):
        add(f"--{trouble}-every", type=int, default=0, metavar="N", help=f"{trouble} at every n-th submit_sm")
    add("--most-per-second", type=int, default=0, metavar="N", help="throttle what exceeds this")
    add("--receipt-delay", type=float, default=0, metavar="SECONDS")
    add("--receipt-form", choices=("tlv", "text", "both"), default="both")
    add("--early", dest="is_early", action="store_true", help="receipts before their answers")
    add("--shuffled", dest="is_shuffled", action="store_true", help="receipts out of order")
    add("--duplicated", dest="is_duplicated", action="store_true", help="every receipt twice")
    add("--answer-ids", choices=("decimal", "hex"), default="decimal")
    add("--receipt-ids", choices=("decimal", "hex"), default="decimal")
    add("--delivery-window", type=int, default=500, metavar="N", help="deliver_sm awaiting an answer at most")
    add(
        "--retry-after",
        type=float,
        default=1,
        metavar="SECONDS",
        help="before a refused deliver_sm is repeated",
    )
    return parser


def _account(text: str) -> tuple[str, str]:
    system_id, colon, password = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} has no colon between system id and password")
    return system_id, password


def _refusal(text: str) -> tuple[str, int]:
    number, _, status = text.partition("=")
    try:
        return number, int(status, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 923001234567=0x0B") from None


if __name__ == "__main__":
    main()
