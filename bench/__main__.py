"""Measure everything and print a table and one line of JSON; each rate stands beside its floor from the same run.

python -m bench [PART ...] [--recipients 50000] [--rows 1000000] [--messages 5000000] [--entries 200000]
python -m bench --channel NAME [PART ...]: the parts that send, with the trial of a channel.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from . import (
    access,
    api,
    audit,
    backups,
    billing,
    calls,
    end_to_end,
    flat,
    lists,
    prices,
    retention,
    rewinding,
    rights,
    rows,
)
from .figure import Figure, as_json
from .line import PLAIN, trial_of

PARTS = (
    "end_to_end",
    "flat",
    "rows",
    "lists",
    "audit",
    "access",
    "api",
    "retention",
    "backups",
    "rewinding",
    "billing",
    "prices",
    "rights",
)
SENDING = ("end_to_end", "flat")
LASTING = ("calls", "flat")
"""Parts that a channel's trial can go through, and one whose messages last."""


def main() -> None:
    """Run the parts that are asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="bench", description="What the product can do on this machine, as ratios.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; all by default")
    parser.add_argument("--recipients", type=int, default=50_000, help="of a campaign, end to end (flat: ten times)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of an import and of an expansion")
    parser.add_argument("--messages", type=int, default=5_000_000, help="in the log under the list pages")
    parser.add_argument("--requests", type=int, default=20_000, help="to the API")
    parser.add_argument("--entries", type=int, default=1_000_000, help="in the action log that is verified")
    parser.add_argument("--channel", default="", help="measure this channel from end to end, by its trial")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    asked = parser.parse_args()
    trial = trial_of(asked.channel) if asked.channel else PLAIN
    known = (LASTING if trial.lasts else SENDING) if asked.channel else PARTS
    unknown = set(asked.parts) - set(known)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    share = 10 if asked.quick else 1
    sizes = (5_000 // share, 20_000 // share, 100_000 // share)
    if not asked.channel:
        sizes = (asked.recipients // 10 // share, asked.recipients // share, asked.recipients * 10 // share)
    jobs: dict[str, Callable[[], Iterator[Figure]]] = {
        "end_to_end": lambda: end_to_end.measure(asked.recipients // share, trial),
        "billing": lambda: billing.measure(asked.recipients // share),
        "prices": lambda: prices.measure(asked.recipients // share),
        "flat": lambda: flat.measure(sizes, trial),
        "calls": lambda: calls.measure(trial.recipients, trial),
        "rows": lambda: rows.measure(asked.rows // share),
        "retention": lambda: retention.measure(asked.rows // share),
        "rights": lambda: rights.measure(asked.rows * 2 // share),
        "backups": lambda: backups.measure(asked.rows * 2 // share),
        "rewinding": lambda: rewinding.measure(asked.rows // share),
        "lists": lambda: lists.measure(asked.messages // share),
        "api": lambda: api.measure(asked.requests // share),
        "audit": lambda: audit.measure(asked.entries // share),
        "access": lambda: access.measure(400 // share),
    }
    found: list[Figure] = []
    for part in asked.parts or known:
        for figure in jobs[part]():
            found.append(figure)
            sys.stdout.write(figure.row() + "\n")
            sys.stdout.flush()
    sys.stdout.write(as_json(found) + "\n")


if __name__ == "__main__":
    main()
