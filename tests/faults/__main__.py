"""`python -m tests.faults`: kill workers and the database under a campaign; nothing may be lost or sent twice.

`python -m tests.faults ledger`: a million random operations on the books of units; they must agree.

`python -m tests.faults retention-month`: thirty days of hourly retention runs; no row goes early, none late.

`python -m tests.faults audit`: tamper with the action log; every time must be found.
"""

import argparse
import json
import random
import sys

from . import booking, keeping, month, tampering
from .trial import Plan, Verdict, run


def main() -> None:
    """Run the trial, print what was found; exit 1 if a promise was broken."""
    if sys.argv[1:2] == ["audit"]:
        tampering.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["ledger"]:
        booking.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["retention-month"]:
        month.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["retention"]:
        keeping.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--recipients", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=30, help="SIGKILLs of workers")
    parser.add_argument("--restarts", type=int, default=2, help="crashes of PostgreSQL")
    parser.add_argument("--window", type=int, default=200, help="messages a session may have on the wire")
    parser.add_argument("--sessions", type=int, default=2, help="sessions all workers share")
    parser.add_argument("--channel", default="sms", help="the channel whose trial is run")
    parser.add_argument("--metered", action="store_true", dest="is_metered", help="with billing: no unit may be lost")
    parser.add_argument("--seed", type=int, default=None, help="repeats the moments of an earlier run")
    asked = vars(parser.parse_args())
    asked["seed"] = random.randrange(1 << 32) if asked["seed"] is None else asked["seed"]
    print(f"seed {asked['seed']}", flush=True)
    verdict = run(Plan(**asked), lambda line: print(line, flush=True))
    _show(verdict)
    print("Pause, cancel and STOP in mid-run, receipts in any order, lost commits: make test ARGS=tests/faults")
    print(json.dumps(verdict.as_line()))
    sys.exit(not verdict.is_good)


def _show(verdict: Verdict) -> None:
    rows = {
        "recipients": verdict.plan.recipients,
        "workers killed": verdict.kills,
        "database crashes": verdict.restarts,
        "lost": verdict.lost,
        "submitted twice": verdict.twice,
        "unknown for a while": f"{verdict.unknown_seen} of at most {verdict.unknown_at_most}",
        "charged twice": verdict.charged_twice,
        "final and unsettled": verdict.unsettled,
        "resolved by receipts": verdict.unknown_resolved,
        "still unknown": len(verdict.unknown),
        "seconds": verdict.seconds,
    }
    print()
    for name, value in (rows | verdict.states).items():
        print(f"{name:>22}  {value}")
    for start in range(0, len(verdict.unknown), 8):
        print(f"{'unknown':>22}  {' '.join(verdict.unknown[start : start + 8])}")
    for fault in verdict.faults:
        print(f"{'FAULT':>22}  {fault}")
    print()


if __name__ == "__main__":
    main()
