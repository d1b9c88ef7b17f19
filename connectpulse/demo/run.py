"""The demo from start to end: `connectpulse demo`."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import click

from .. import logs
from ..commands import site, up
from ..commands.children import Children
from ..core.domain.campaign import CampaignState
from ..core.domain.trial import Trial
from ..core.errors import NotFound, PulseError
from ..house import House
from . import place, replies, stage, verdict
from .network import Network, wait_for
from .place import Place
from .stage import Login
from .voyage import Halted, Interrupted, Voyage

_START = 60.0


def run(recipients: int | None, *, once: bool, again: bool = False, channel: str = "") -> None:
    """Run the demo of a channel: serve until a signal, or run one campaign and end with one line of JSON.

    Without `recipients` it takes as many as the channel proposes, without `channel` the first that is offered.

    Raises PulseError where something keeps it from working, or where the figures do not agree.
    """
    chosen = place.choose(once=once)
    ended = up.until_signalled()
    for remark in chosen.remarks:
        _say(remark)
    try:
        with _running(chosen, ended, channel) as (house, network, children):
            people = recipients or network.trial.recipients
            if once:
                _run_once(chosen, house, network, children, ended, people)
            else:
                _serve(chosen, house, network, children, ended, people, again=again)
    except Interrupted:
        _clear(chosen)
        if once:
            raise
        _say("Stopped. The next start goes on from here.")
    except BaseException:
        if chosen.is_temporary:
            _say(f"What was written, with its logs, is kept in {chosen.settings.var_dir}.")
        raise
    _clear(chosen)


def _clear(chosen: Place) -> None:
    if chosen.is_temporary:
        shutil.rmtree(chosen.settings.var_dir, ignore_errors=True)


@contextmanager
def _running(chosen: Place, ended: threading.Event, channel: str) -> Iterator[tuple[House, Network, Children]]:
    """Run database, network and worker while the context lasts; end them in the order that loses nothing."""
    settings = chosen.settings
    lock = up.hold(settings)
    children, network = Children(settings.var_dir, chosen.environment), None
    logs.configure(replace(settings, log_level="warning"))
    _say(f"Starting PostgreSQL in {settings.var_dir} …")
    try:
        with site.opened(settings, stays=True) as house:
            site.upgrade(house)
            site.connect_queue(house)
            network = Network(chosen, _trial(house, channel))
            network.start(ended)
            children.start("worker", "connectpulse.cli", "worker", log_file=chosen.logs / "worker.log")
            yield house, network, children
    except Interrupted:
        _say("\nStopping …" if sys.stderr.isatty() else "Stopping …")
        raise
    finally:
        children.stop()
        if network is not None:
            network.stop()
        site.leave(settings)
        lock.release()


def _trial(house: House, channel: str) -> Trial:
    """Return how a channel is tried; raise NotFound with the channels that can be."""
    offered = house.registry.trials
    found = offered.get(channel or next(iter(offered), ""))
    if found is None:
        raise NotFound(f"No installed plugin lets {channel or 'a channel'} be tried. There are: {', '.join(offered)}.")
    return found


def _run_once(
    chosen: Place, house: House, network: Network, children: Children, ended: threading.Event, recipients: int
) -> None:
    if network.trial.calls_back:
        _open_panel(chosen, children, ended)
    voyage, is_first = _embark(chosen, house, network, children, ended, recipients)
    voyage.import_people(recipients)
    voyage.wait_for_worker()
    began = time.monotonic()
    campaign_id, quoted = voyage.launch()
    progress = voyage.watch(campaign_id)
    seconds = time.monotonic() - began
    record = network.record()
    figures = verdict.judge(progress, record, seconds)
    if not network.trial.reports_delivery:
        _say(f"{figures.accepted} were accepted, and count as delivered: only what comes back is reported.")
    sys.stdout.write(json.dumps(figures.as_mapping()) + "\n")
    sys.stdout.flush()
    found = verdict.disagreements(
        figures, record, recipients if is_first else quoted, reports_delivery=network.trial.reports_delivery
    )
    if found:
        raise PulseError(" ".join(found))


def _serve(
    chosen: Place, house: House, network: Network, children: Children, ended: threading.Event, recipients: int,
    *, again: bool,
) -> None:  # fmt: skip
    address = _open_panel(chosen, children, ended)
    voyage, is_first = _embark(chosen, house, network, children, ended, recipients)
    voyage.import_people(recipients)
    _say(f"The panel is open already: {address}")
    campaign_id = _campaign_to_watch(voyage, again=again)
    if campaign_id is not None:
        try:
            voyage.watch(campaign_id)
            if replies.write(voyage, network, campaign_id):
                _say("Some people wrote back: look into the inbox.")
        except Halted as halt:
            _say(str(halt))
    if not is_first:
        _say("The data of the last start is still here.")
        again_by = f".venv/bin/connectpulse demo --again --channel {network.trial.name}"
        _say(f"Another campaign, once this is stopped: {again_by}. To begin anew, remove {chosen.settings.var_dir}.")
    _say(f"Connect Pulse serves on {address}. Ctrl-C ends it.")
    while not ended.wait(up.TEND_EVERY):
        voyage.tend()
    _say("Stopping …")


def _embark(
    chosen: Place, house: House, network: Network, children: Children, ended: threading.Event, recipients: int
) -> tuple[Voyage, bool]:
    """Find what an earlier start made, or make it; return the voyage, and whether its channel is new."""
    organisation = stage.organisation_of(house)
    if organisation is None:
        organisation, logins = stage.found(house)
        if not chosen.is_temporary:
            _show(logins)  # now, since their passwords are stored nowhere
    else:
        _say("The logins are the ones printed at the first start; .venv/bin/connectpulse set-password makes new ones.")
    is_first = stage.equip(house, organisation, network, recipients)

    def tend() -> None:
        children.tend()
        network.tend()

    actor = stage.launcher(house, organisation)
    return Voyage(house, organisation, network.trial, actor, ended, tend), is_first


def _open_panel(chosen: Place, children: Children, ended: threading.Event) -> str:
    """Start the web server and wait until it serves; return where."""
    children.start("web", "connectpulse.cli", "web", log_file=chosen.logs / "web.log")
    address = up.address(chosen.settings)
    if not wait_for(f"{address}/healthz", ended, _START) and not ended.is_set():
        raise PulseError(f"The web server did not start; {chosen.logs / 'web.log'} says why.")
    return address


def _campaign_to_watch(voyage: Voyage, *, again: bool) -> int | None:
    """Return the campaign to draw: a new one at the first start or if asked for, or one still going on."""
    with voyage.house.work(voyage.actor, voyage.organisation) as work:
        latest = stage.latest_campaign(work, voyage.trial)
        state = latest.state if latest is not None else ""
    if latest is None or again:
        return voyage.launch()[0]
    return latest.id if state == CampaignState.RUNNING else None


def _show(logins: Sequence[Login]) -> None:
    _say("Logins, shown this once:")
    for login in logins:
        _say(f"  {login.username:<10} {login.password}   {login.role}")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
