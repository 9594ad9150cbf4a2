"""Trials that are ended early, by the pruners of Optuna (extra `search`).

What they compare is kept in a database in the study's folder, which all who work on the study share: a trial of
Optuna's for each of ours, with the error after each epoch. Which trials are ended depends on what others had reached by
then, so on the order in which they ran.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.studies.ledger import StudyFault
from archdsl.studies.study import Metrics, locked

DATABASE = "pruning.db"
NAME = "pruning"
NUMBER = "trial"
"""The attribute of Optuna's trials that has the number of ours."""
PATIENCE = 60
"""Seconds that the database is waited for while others write to it."""

PRUNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "median": ("MedianPruner", {}),
    "percentile": ("PercentilePruner", {"percentile": 25.0}),
    "halving": ("SuccessiveHalvingPruner", {}),
    "hyperband": ("HyperbandPruner", {}),
}
"""The names on the command line, with Optuna's classes and what these are made with beside their defaults."""


def optuna_library() -> Any:
    """Optuna, which says nothing but warnings. Raises `StudyFault` where it is not installed."""
    try:
        import optuna
    except ImportError:
        message = "early stopping needs optuna, which is not installed: pip install 'archdsl[search]'"
        raise StudyFault(message) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Pruning:
    """What decides on one trial: told of its epochs, and of its end."""

    def __init__(self, folder: Path, pruner: str, number: int) -> None:
        self._optuna = optuna_library()
        kind, settings = PRUNERS[pruner]
        with warnings.catch_warnings(), locked(folder):  # two that make the tables at once hinder each other
            warnings.simplefilter("ignore")  # of what is experimental
            self._study = self._optuna.create_study(
                storage=self._storage(folder),
                study_name=NAME,
                direction="minimize",
                pruner=getattr(self._optuna.pruners, kind)(**settings),
                load_if_exists=True,
            )
        self._trial = self._own(number)
        self._told = set(self._optuna_trial().intermediate_values)

    def _storage(self, folder: Path) -> Any:
        url = f"sqlite:///{(folder / DATABASE).resolve()}"
        return self._optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": PATIENCE}})

    def _own(self, number: int) -> Any:
        """Optuna's trial for ours: the one that was begun, or a new one."""
        states = (self._optuna.trial.TrialState.RUNNING,)
        for each in self._study.get_trials(deepcopy=False, states=states):
            if each.user_attrs.get(NUMBER) == number:
                return self._optuna.trial.Trial(self._study, each._trial_id)
        trial = self._study.ask()
        trial.set_user_attr(NUMBER, number)
        return trial

    def _optuna_trial(self) -> Any:
        return self._trial.storage.get_trial(self._trial._trial_id)

    def __call__(self, epochs: Sequence[Metrics]) -> bool:
        """Whether the trial is to end, after what has come of it."""
        new = [line for line in epochs if line["epoch"] not in self._told]
        for line in new:
            self._trial.report(1 - line["val_accuracy"], line["epoch"])
            self._told.add(line["epoch"])
        return bool(new) and bool(self._trial.should_prune())

    def end(self, error: float | None, *, pruned: bool) -> None:
        """Write down that the trial has ended: with an error, early, or with neither."""
        states = self._optuna.trial.TrialState
        state = states.PRUNED if pruned else states.COMPLETE if error is not None else states.FAIL
        self._study.tell(self._trial, error if state == states.COMPLETE else None, state)


__all__ = ["DATABASE", "PRUNERS", "Pruning"]
