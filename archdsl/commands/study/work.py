"""`archdsl study work`: one more process that runs the trials of a study that is there."""

from __future__ import annotations

from pathlib import Path

import click

from archdsl.commands.options import format_option
from archdsl.commands.study.common import finish_study, jobs_option, refusing, run_trials, study_folder


@click.command(
    short_help="Run the trials of a study that is there, beside others who do.",
    epilog="""
\b
Examples:
  archdsl study work study/
  srun --ntasks 8 archdsl study work study/ --jobs 1

A worker takes trials that nobody works on until none is left. Any number may work on one study, on all machines that
see its folder; when one is killed another goes on with its trials from their last checkpoints.
""",
)
@study_folder
@jobs_option
@format_option("text", "json")
def work(folder: Path, jobs: int | None, format_: str) -> None:
    """Run the trials of the study in DIR until all have ended."""
    from archdsl.studies.study import Study

    with refusing():
        study = Study.open(folder)
        interrupted = run_trials(study, study.unfinished(), jobs, as_json=format_ == "json")
        finish_study(study, interrupted=interrupted, as_json=format_ == "json")
