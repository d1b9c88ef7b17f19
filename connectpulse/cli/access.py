"""Commands for people who cannot get in."""

import click


@click.command()
@click.argument("email")
def unlock(email: str) -> None:
    """Open an account again that too many wrong passwords or codes closed."""
    from ..commands import access, site

    with site.opened(site.find_settings()) as house:
        access.unlock(house, email)
    click.echo(f"The account of {email} is open again.")


@click.command()
@click.argument("email")
def reset_factors(email: str) -> None:
    """Take the second factors of an account away, for somebody who lost them."""
    from ..commands import access, site

    with site.opened(site.find_settings()) as house:
        access.reset_factors(house, email)
    click.echo(f"The second factors of {email} are gone. They sign in with their password and set up new ones.")


COMMANDS = (unlock, reset_factors)
