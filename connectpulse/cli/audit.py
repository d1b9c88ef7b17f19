"""`connectpulse audit`: the action log, verified and taken out."""

import sys
from pathlib import Path

import click


@click.group()
def audit() -> None:
    """Verify and export the action log."""


@audit.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(folder: Path | None) -> None:
    """Verify every entry: in the database, or offline in the FOLDER of an export.

    Names the first entry that is not as it was written, and ends with exit code 1 if there is one. Needs
    TRUST_KEY; for a FOLDER it needs no database.
    """
    from ..commands import audit as log
    from ..commands import site

    settings = site.find_settings()
    if folder is not None:
        report = log.verify_export(settings, folder)
    else:
        with site.opened(settings) as house:
            report = log.verify(house)
    for sentence in log.told(report):
        click.echo(sentence)
    if not report.holds:
        click.echo("The action log does not hold.", err=True)
        sys.exit(1)
    click.echo(f"The action log holds: {report.entries:,} entries.")


@audit.command()
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Write the whole log into a new FOLDER that can be verified offline. It names people: keep it safe."""
    from ..commands import audit as log
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        entries = log.export(house, folder)
    click.echo(f"{entries:,} entries are in {folder}. `connectpulse audit verify {folder}` verifies them.")


@audit.command()
def checkpoint() -> None:
    """Sign where every chain ends now, as is done every hour."""
    from ..commands import audit as log
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        chains = log.checkpoint(house)
    click.echo(f"A checkpoint of {chains} chains is written." if chains else "Nothing was added since the last one.")
