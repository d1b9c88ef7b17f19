"""`connectpulse backup`, `restore`, `drill` and `evidence`."""

import sys
from pathlib import Path
from typing import IO

import click

_IDENTITY = click.option(
    "--identity",
    "identity",
    required=True,
    type=click.File("r"),
    help="File with the age identity; - reads it from standard input.",
)
_PATH = click.Path(dir_okay=False, path_type=Path)
_NAME = click.argument("name", default="latest")


@click.group(invoke_without_command=True)
@click.pass_context
def backup(context: click.Context) -> None:
    """Make, list and verify backups; alone, make one now."""
    if context.invoked_subcommand is None:
        context.invoke(back_up)


@backup.command("now")
def back_up() -> None:
    """Make a backup now."""
    from ..commands import backups, site

    with site.opened(site.find_settings()) as house:
        made = backups.back_up(house)
    click.echo(f"{made.name}: {made.size:,} bytes, SHA-256 {made.digest}")


@backup.command("list")
def list_backups() -> None:
    """List the backups in the store, the newest first."""
    from ..commands import backups, site

    found = list(backups.listed(backups.store_of(site.find_settings())))
    for name, moment, size in found:
        click.echo(f"{name}  {moment}  {size:>16,} bytes" if size else f"{name}  {moment}")
    if not found:
        click.echo("There is no backup yet.")


@backup.command("verify")
@_NAME
def verify_backup(name: str) -> None:
    """Check a backup's signature and digest, without opening it."""
    from ..commands import backups, site
    from ..core.services.backups import manifest

    store = backups.store_of(site.find_settings())
    made = manifest.verify(store, manifest.newest(store) if name == "latest" else name)
    click.echo(f"{made.file} is what was backed up on {made.moment:%d %B %Y %H:%M} UTC.")


@backup.command("keys")
def backup_keys() -> None:
    """Print a fresh pair of keys, once; keep the identity off this machine."""
    from ..core.services.backups.pipes import fresh_keys

    identity, recipient = fresh_keys()
    click.echo(f"BACKUP_RECIPIENT={recipient}")
    click.echo("Keep this identity in two places away from this machine. Without it no backup can be opened:", err=True)
    click.echo(identity)


@click.command()
@_NAME
@_IDENTITY
@click.option("--to", "moment", metavar="TIME", help="Turn the embedded database back to a moment, or to the `latest`.")
def restore(name: str, identity: IO[str], moment: str | None) -> None:
    """Bring a backup back into the site's empty database; the newest unless NAME says which."""
    from ..commands import backups, rewinding, site

    settings, warnings = site.find_settings(), []
    if moment is not None:
        if name != "latest":
            raise click.UsageError("Give a NAME or --to, not both.")
        warnings = rewinding.bring_back(settings, identity.read(), rewinding.moment_of(moment), _tell)
    with site.opened(settings) as house:
        if moment is not None:
            aftermath = rewinding.finish(house, _tell)
        else:
            aftermath = backups.restore(house, identity.read(), name, _tell)
    for warning in warnings + aftermath.warnings:
        click.echo(warning)
    click.echo("The site is restored. Read the warnings, look at the campaigns, then start web and workers.")


@click.command()
@_NAME
@_IDENTITY
@click.option("--apart", is_flag=True, help="Do not open the site's database: it finds the report in the store.")
def drill(name: str, identity: IO[str], apart: bool) -> None:
    """Restore a backup into a scratch server, look at it closely, and keep a report."""
    from ..commands import backups, site

    settings = site.find_settings()
    report = backups.drill(settings, identity.read(), name, _tell)
    for finding in report["findings"]:
        click.echo(f"{'good' if finding['is_good'] else 'BAD '}  {finding['name']}: {finding['detail']}")
    if not apart:
        with site.opened(settings) as house:
            backups.take_report(house)
    click.echo(f"{report['backup']} {'could be restored' if report['is_passed'] else 'FAILED the drill'}.")
    if not report["is_passed"]:
        sys.exit(1)


@click.group(invoke_without_command=True)
@click.pass_context
def evidence(context: click.Context) -> None:
    """Show what keeps each sentence of the policy true; alone, write the bundle."""
    if context.invoked_subcommand is None:
        context.invoke(write_evidence)


@evidence.command("write")
@click.option("--into", type=_PATH, default=Path("evidence.zip"), show_default=True)
@click.option("--tests", type=_PATH, help="Record of a run of the tests.")
def write_evidence(into: Path, tests: Path | None) -> None:
    """Write the signed bundle: each sentence, its control, its proofs, and when it last held."""
    from ..commands import evidence as bundles
    from ..commands import site

    with site.opened(site.find_settings()) as house:
        summary = bundles.write(house, into, tests)
    for standing, count in summary.items():
        click.echo(f"{count:>3}  {standing}")
    click.echo(f"{into} is written.")


@evidence.command("verify")
@click.argument("bundle", type=click.File("rb"))
@click.option("--key", default="", help="The site's public key, in hexadecimal; this site's unless given.")
def verify_evidence(bundle: IO[bytes], key: str) -> None:
    """Check that a bundle is as its site signed it."""
    from ..commands import evidence as bundles
    from ..commands import site

    said = bundles.verify(bundle.read(), key or bundles.public_key(site.find_settings()))
    click.echo(f"It is as it was signed on {said['made_at'][:10]}: {len(said['rows'])} sentences.")


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)


COMMANDS = (backup, restore, drill, evidence)
