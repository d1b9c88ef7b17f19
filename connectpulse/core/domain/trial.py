"""A channel tried out from end to end on one machine: a provider's simulator, and what is sent to it.

Demo, benchmarks and faults run on trials, so that they work for every channel and know none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Ports = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a channel needs to be tried; `name` is the channel's.

    `program` is a module that is run as a process on loopback, `python -m program --undeliverable PERCENT` and
    `options`: that share of addresses cannot be reached. It chooses free ports, prints them as one line of JSON and
    runs until SIGTERM; `--port` and `--control-port` fix two of them. At `control_port` it answers HTTP. GET /healthz
    answers once it serves, GET /ports with what it printed. GET /record counts the `messages` it took over, those
    `delivered` and `undeliverable` among them, `duplicates` (those that came twice), `incomplete` ones, and reports
    `waiting` to be sent; GET /record/ADDRESS lists what it took over for an address. POST /inbound lets a person
    write: `from`, `to`, `text`. POST /callbacks says with `url` where webhooks go from now on, if there are any
    (`calls_back`). POST /reset lets it forget what it recorded.

    `settings` makes those of a connection of `provider` from the ports. `sender` is a kind and a value, `content`
    a template's, `address` the address of the n-th person, as a file for an import has it. `reports_delivery` is
    False where acceptance is the last that is heard of most messages, `reports_late` where nobody is told any more
    what became of a message whose worker died in the middle of it (a call). `recipients` are as many as a demonstration
    takes by default, `window` how many may await an answer at once.
    """

    name: str
    program: str
    provider: str
    settings: Callable[[Ports], Mapping[str, Any]]
    sender: tuple[str, str]
    content: Mapping[str, Any]
    address: Callable[[int], str]
    options: tuple[str, ...] = ()
    reports_delivery: bool = True
    reports_late: bool = True
    calls_back: bool = False
    recipients: int = 5_000
    window: int = 400

    @property
    def lasts(self) -> bool:
        """Whether a message takes its time, as a call does: its window is small, and its rate bounded by that."""
        return self.window < _CROWD


_CROWD = 200
