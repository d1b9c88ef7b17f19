"""The `connectpulse` command. Each command reads its arguments and calls one function.

Whatever is refused is one sentence on standard error and exit code 1, never a traceback. The house is
imported by the commands that need it, so that the others answer at once.
"""

import sys
from pathlib import Path

import click

from .. import collector
from ..core.errors import PulseError

collector.spare()  # here, since processes that a command starts come through here, too


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="connectpulse", prog_name="connectpulse")
def connectpulse() -> None:
    """Connect Pulse: bulk messaging on your own machine.

    Settings come from config.py in the current folder, or else from the environment.
    """


@connectpulse.command()
def up() -> None:
    """Run everything on this machine: database, web server, worker."""
    from ..commands import site
    from ..commands import up as everything

    everything.run(site.find_settings())


@connectpulse.command()
def web() -> None:
    """Run the web server."""
    from ..commands import serving, site

    serving.serve(site.find_settings())


@connectpulse.command()
def worker() -> None:
    """Run a worker. Any number may run, on any machine."""
    from ..commands import site, working

    working.work(site.find_settings())


@connectpulse.command()
def upgrade() -> None:
    """Bring the database to the version of the code."""
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        behind = site.upgrade(house)
    click.echo("The database is up to date now." if behind else "The database was up to date.")


@connectpulse.command()
def check() -> None:
    """Check settings, database and plugins; list every fault, and what is yet to be set up."""
    from ..commands import checks, site

    found = checks.look(site.find_settings())
    for fault in found.faults:
        click.echo(fault, err=True)
    for sentence in found.unset:
        click.echo(f"Yet to be set up: {sentence}", err=True)
    if found.faults:
        sys.exit(1)
    click.echo("It works; what is yet to be set up is said above." if found.unset else "Everything is in order.")


@connectpulse.command()
def keys() -> None:
    """Print fresh secrets for the settings."""
    from ..core.domain.settings import fresh_secrets

    for name, value in fresh_secrets().items():
        click.echo(f"{name}={value}")


@connectpulse.command()
def rotate_keys() -> None:
    """Encrypt the stored credentials anew under the first of ENCRYPTION_KEYS."""
    from ..commands import accounts, site

    with site.opened(site.find_settings()) as house:
        rewritten = accounts.rotate_keys(house)
    click.echo(f"Encrypted anew: {rewritten}. Keys after the first may be taken out now.")


@connectpulse.command()
@click.option("--username", prompt="User name")
@click.option("--email", prompt="E-mail address")
@click.option("--name", prompt="Full name")
@click.option("--generate", is_flag=True, help="Make up a password and print it once.")
def create_administrator(username: str, email: str, name: str, generate: bool) -> None:
    """Create an administrator of the platform."""
    from ..commands import accounts, site

    password = "" if generate else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with site.opened(site.find_settings()) as house:
        made_up = accounts.create_administrator(house, username, email, name, password)
    click.echo(f"{username} may sign in now." + (f" Password, shown this once: {made_up}" if made_up else ""))


@connectpulse.command()
@click.argument("email")
@click.option("--generate", is_flag=True, help="Make up a password and print it once.")
def set_password(email: str, generate: bool) -> None:
    """Give an account another password; whoever is signed in with it is signed out."""
    from ..commands import accounts, site

    password = "" if generate else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with site.opened(site.find_settings()) as house:
        made_up = accounts.set_password(house, email, password)
    click.echo("The password is changed." + (f" It is shown this once: {made_up}" if made_up else ""))


@connectpulse.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Switch an account off; whoever is signed in with it is signed out."""
    from ..commands import accounts, site

    with site.opened(site.find_settings()) as house:
        accounts.set_active(house, email, False)
    click.echo(f"The account of {email} is switched off.")


@connectpulse.command()
@click.argument("email")
def activate(email: str) -> None:
    """Switch an account on again."""
    from ..commands import accounts, site

    with site.opened(site.find_settings()) as house:
        accounts.set_active(house, email, True)
    click.echo(f"The account of {email} is switched on.")


@connectpulse.group()
def database() -> None:
    """Start and stop the embedded database."""


@database.command("start")
def start_database() -> None:
    """Start it, and let it run."""
    from ..commands import site

    site.embedded().ensure_running()
    click.echo("The database runs.")


@database.command("stop")
def stop_database() -> None:
    """Stop it; sessions are ended."""
    from ..commands import site

    server = site.embedded()
    was_running = server.is_running()
    server.stop()
    click.echo("The database is stopped." if was_running else "The database was not running.")


@database.command("url")
def database_url() -> None:
    """Print its address, password included, for psql and backups; start it if it does not run."""
    from ..commands import site

    click.echo(site.embedded().ensure_running().replace("+psycopg", ""))


@connectpulse.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path("plugins"), show_default=True)
def new_plugin(name: str, into: Path) -> None:
    """Write a plugin to fill in."""
    from ..scaffold import write

    for path in write(name, into):
        click.echo(path)


@connectpulse.command()
@click.option("--once", is_flag=True, help="Run the campaign, print one line of JSON and end.")
@click.option("--channel", default="sms", show_default=True, help="The channel to try.")
@click.option("--recipients", type=click.IntRange(1, 1_000_000), help="As many as the channel proposes by default.")
@click.option("--again", is_flag=True, help="Launch a fresh campaign over the data of an earlier start.")
def demo(once: bool, channel: str, recipients: int | None, again: bool) -> None:
    """Try it: a site of its own with a campaign on its way to a simulated network."""
    from ..demo import run

    run(recipients, once=once, again=again, channel=channel)


def main() -> None:
    """Run the command; say in one sentence what keeps it from running."""
    try:
        connectpulse()
    except PulseError as error:
        _refuse(str(error))
    except Exception as error:
        silence = _silence(error)
        if silence is None:
            raise
        _refuse(f"The database does not answer: {silence}")


def _silence(error: Exception) -> str | None:
    """Return why the database cannot be reached or written to, None if `error` says something else."""
    from ..core.storage.session import AWAY

    return str(getattr(error, "orig", error)).partition("\n")[0] if isinstance(error, AWAY) else None


def _refuse(sentence: str) -> None:
    click.echo(" ".join(sentence.split()), err=True)
    sys.exit(1)


# Commands that lie in modules of their own join the group here.
from . import access, audit, backups, retention, rights  # noqa: E402

for each in (*access.COMMANDS, audit.audit, *backups.COMMANDS, retention.retention, rights.rights):
    connectpulse.add_command(each)
