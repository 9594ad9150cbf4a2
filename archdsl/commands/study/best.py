"""`archdsl study best`: the best of the first members of a study."""

from __future__ import annotations

from pathlib import Path

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.options import format_option
from archdsl.commands.study.common import refusing, study_folder

MEASURED = ("error", "best_error", "loss")


@click.command(
    short_help="The best of the first members.",
    epilog="""
\b
Examples:
  archdsl study best study/ --of 25
  archdsl study best study/ --of 32 --top 5 --format json
  archdsl study run study/population.jsonl:7 --seeds 5 --recipe NAME --data IMAGES -o again/

Members stand in the order in which they were drawn: the first 25 are a sample of 25, whatever came of the others. All
of them must have ended; those that failed have no figure, and are named. What is best is trained again by `study run`.
""",
)
@study_folder
@click.option("--of", type=click.IntRange(1), metavar="N", help="So many first members.  [default: all]")
@click.option("--top", type=click.IntRange(1, 1_000_000), default=5, show_default=True, help="The best to show.")
@click.option("--by", type=click.Choice(MEASURED), default="error", show_default=True, help="What is compared.")
@format_option("text", "json")
def best(folder: Path, of: int | None, top: int, by: str, format_: str) -> None:
    """Show the best of the first N members of the study in DIR, by the mean over their trainings."""
    from archdsl.studies.best import best_of
    from archdsl.studies.study import Study
    from archdsl.views.best import best_text

    with refusing():
        report = best_of(Study.open(folder), of, by, top)
    if format_ == "json":
        say_json(report)
    else:
        say(best_text(report))
