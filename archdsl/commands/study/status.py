"""`archdsl study status`: how far a study is."""

from __future__ import annotations

from pathlib import Path

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.options import format_option
from archdsl.commands.study.common import refusing, report_of, study_folder


@click.command(short_help="How far a study is, and what failed why.")
@study_folder
@format_option("text", "json")
def status(folder: Path, format_: str) -> None:
    """How far the study in DIR is: what is done, runs, failed and why, and what is left."""
    from archdsl.studies.study import Study
    from archdsl.views.study import study_text

    with refusing():
        report = report_of(Study.open(folder))
    if format_ == "json":
        say_json(report)
    else:
        say(study_text(report))
