"""A worker as a process."""

from .. import collector, logs
from .. import house as houses
from ..core.domain.settings import Settings
from ..worker import Worker, run_until_signalled
from ..worker_page import page
from . import site


def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is on the wire then is answered and recorded first."""
    logs.configure(settings)
    # A worker repeats what fails, so it does not ask before every transaction whether the line is alive.
    house = houses.build(settings, pool_size=settings.worker_threads + 8, pre_ping=False)
    try:
        worker = house.patiently(lambda: Worker(house))
        collector.calm()
        with page(house, settings.worker_port):
            run_until_signalled(worker.start, worker.stop)
    finally:
        house.close()
        site.leave(settings)
