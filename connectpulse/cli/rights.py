"""`connectpulse rights`: verifying copies of personal data, and erasing again after a restore."""

import sys
from pathlib import Path

import click


@click.group()
def rights() -> None:
    """Verify copies of personal data; erase again after a restore."""


@rights.command("verify")
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", default="", help="The site's public key; empty: this site's own.")
def verify(package: Path, public_key: str) -> None:
    """Say whether a copy of somebody's data is as this site signed it."""
    from ..commands import rights as commands
    from ..commands import site

    told = commands.verify(site.find_settings(), package, public_key)
    click.echo(commands.shown(told))
    click.echo("The package is as it was signed.")


@rights.command("replay")
def replay() -> None:
    """Erase again whom a restored database brought back. Stop the workers first."""
    from ..commands import rights as commands
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        done = commands.replay(house)
    click.echo(f"Erasures known: {done.known}; done again: {done.applied}, in {done.rows} rows.")
    for fault in done.faults:
        click.echo(fault, err=True)
    if done.faults:
        sys.exit(1)
