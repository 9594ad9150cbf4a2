"""MLflow: a SQLite file, or a server by its address."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archdsl.tracking.tracker import Epoch, Sent, TrackerFault

MOST_METRICS, MOST_PARAMS = 1000, 100
"""In one request."""


def report_nothing() -> None:
    """Have MLflow tell its makers nothing, and not ask for git: to be said before it is loaded."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


class MLflow:
    """Sends a run to the store at a path or address."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.client: Any = None
        self.run = ""

    def begin(self, run: Sent, *, known: bool) -> None:
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)  # of a new store they tell each table
        with _refusing(self.place):
            address = self.place if "://" in self.place else f"sqlite:///{Path(self.place).absolute()}"
            self.client = MlflowClient(address)
            experiment = self.client.get_experiment_by_name(run.project)
            if experiment is None and not known:
                beside = None if "://" in self.place else (Path(self.place).absolute().parent / "mlruns").as_uri()
                number = self.client.create_experiment(run.project, artifact_location=beside)
            elif experiment is not None:
                number = experiment.experiment_id
            else:
                number = ""
            asked = f"tags.`archdsl.run` = '{run.identity}'"
            there = self.client.search_runs([number], filter_string=asked) if number else []
            if known and not there:
                raise TrackerFault(f"{self.place} no longer has the run {run.identity}: --again logs it anew")
            if there:
                self.run = there[0].info.run_id
                self.client.update_run(self.run, status="RUNNING")
                return
            tags = {"archdsl.run": run.identity}
            self.run = self.client.create_run(number, run_name=run.name, tags=tags).info.run_id
            for some in _in_parts(list(run.settings.items()), MOST_PARAMS):
                self.client.log_batch(self.run, params=[Param(name, str(value)) for name, value in some])

    def send(self, epochs: Sequence[Epoch]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(epoch.when * 1000), epoch.step)
            for epoch in epochs
            for name, value in epoch.figures.items()
        ]
        with _refusing(self.place):
            for some in _in_parts(metrics, MOST_METRICS):
                self.client.log_batch(self.run, metrics=some)

    def end(self, *, complete: bool) -> None:
        if self.run and complete:
            with _refusing(self.place):
                self.client.set_terminated(self.run)


def _in_parts(things: list[Any], most: int) -> Iterator[list[Any]]:
    for start in range(0, len(things), most):
        yield things[start : start + most]


@contextmanager
def _refusing(place: str) -> Iterator[None]:
    """What MLflow or its database says is a fault of the place."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrackerFault(f"MLflow at {place}: {said[:300]}") from None


__all__ = ["MLflow", "report_nothing"]
