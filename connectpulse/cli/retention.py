"""`connectpulse retention`: run it, report on it, confirm the clock."""

import sys

import click


@click.group()
def retention() -> None:
    """Apply the retention rules, and report on them."""


@retention.command()
def run() -> None:
    """Apply every rule now."""
    from ..commands import retention as commands
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        done = commands.run(house)
    click.echo(f"Archived {done.archived}, deleted {done.deleted}, anonymised {done.anonymised}, {done.seconds:.1f} s.")
    if done.error:
        click.echo(done.error, err=True)
        sys.exit(1)


@retention.command()
def report() -> None:
    """Print a line of CSV per rule."""
    from ..commands import retention as commands
    from ..commands import site
    from ..core.domain import cells

    with site.opened(site.find_settings()) as house:
        rows = commands.table(house)
    sys.stdout.writelines(cells.lines(rows))


@retention.command()
def confirm_clock() -> None:
    """Say that the database's clock is right, after retention refused to trust it."""
    from ..commands import retention as commands
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        commands.confirm(house)
    click.echo("Retention goes on.")
