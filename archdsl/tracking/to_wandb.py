"""Weights & Biases, offline: a folder that `wandb sync` sends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.tracking.tracker import Epoch, Sent, TrackerFault


def report_nothing() -> None:
    """Have the process that writes the file tell its makers nothing, also of faults: to be said before it begins."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


class WandB:
    """Writes `folder/wandb/offline-run-…`; nothing goes over the network."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.run: Any = None

    def begin(self, run: Sent, *, known: bool) -> None:
        import wandb

        if known and not any(self.folder.glob(f"wandb/offline-run-*-{run.identity}")):
            raise TrackerFault(f"{self.folder / 'wandb'} no longer has the run {run.identity}: --again logs it anew")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            settings = wandb.Settings(
                mode="offline",
                root_dir=str(self.folder),
                console="off",
                silent=True,
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                x_disable_meta=True,
                x_save_requirements=False,
            )
            self.run = wandb.init(
                project=run.project,
                name=run.name,
                id=run.identity,
                config=run.settings,
                resume="allow",
                settings=settings,
            )
        except (OSError, wandb.errors.Error) as error:
            raise TrackerFault(f"W&B at {self.folder}: {str(error).strip() or type(error).__name__}") from None

    def send(self, epochs: Sequence[Epoch]) -> None:
        for epoch in epochs:
            self.run.log(epoch.figures, step=epoch.step, commit=True)

    def end(self, *, complete: bool) -> None:
        import wandb

        if self.run is not None:
            self.run.finish(exit_code=0 if complete else None)
            wandb.teardown()  # waits for the process that writes the file; `finish` alone does not


__all__ = ["WandB", "report_nothing"]
