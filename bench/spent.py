"""CPU time of the processes of a scene and their children, by the kernel's own count (proc(5), stat)."""

import os
from collections.abc import Mapping
from pathlib import Path

from .scene import Scene

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def of(stage: Scene) -> dict[str, float]:
    """Return user and system seconds spent so far by the workers, the web server, the simulator and the database."""
    roots = {
        "workers": [worker.pid for worker in stage.workers],
        "web": [stage.web.pid] if stage.web else [],
        "simulator": [stage.simulator.pid],
        "database": [int((stage.server.cluster / "postmaster.pid").read_text().split("\n")[0])],
    }
    stats = {int(place.name): found for place in Path("/proc").glob("[0-9]*") if (found := _stat(place))}
    return {name: sum(_family(pid, stats) for pid in pids) for name, pids in roots.items() if pids}


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was spent between two readings."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _family(pid: int, stats: Mapping[int, tuple[int, float]]) -> float:
    """Return what a process spent with all its descendants, those included that ended and were waited for."""
    own = stats.get(pid, (0, 0.0))[1]
    return own + sum(_family(child, stats) for child, (parent, _) in stats.items() if parent == pid)


def _stat(place: Path) -> tuple[int, float] | None:
    """Return the parent of a process and the seconds of itself and its ended children; None where it is gone."""
    try:
        fields = (place / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) * _TICK
