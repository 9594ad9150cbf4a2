import click


@click.command()
def spectrum() -> None:
    """."""
