"""TensorBoard: a folder of event files, a subfolder a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.tracking.tracker import Epoch, Sent, TrackerFault


class TensorBoard:
    """Writes scalars of a run to `folder/NAME-IDENTITY`."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.writer: Any = None

    def begin(self, run: Sent, *, known: bool) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        place = self.folder / f"{run.name}-{run.identity}"
        if known and not place.is_dir():
            raise TrackerFault(f"{place} is no longer there: --again logs the run anew")
        try:
            self.writer = EventFileWriter(str(place))
        except OSError as error:
            raise TrackerFault(f"{place}: {(error.strerror or 'cannot be written').lower()}") from None

    def send(self, epochs: Sequence[Epoch]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        for epoch in epochs:
            values = [Summary.Value(tag=name, simple_value=value) for name, value in epoch.figures.items()]
            self.writer.add_event(Event(wall_time=epoch.when, step=epoch.step, summary=Summary(value=values)))
        self.writer.flush()

    def end(self, *, complete: bool) -> None:  # noqa: ARG002 - event files know no end
        if self.writer is not None:
            self.writer.close()


__all__ = ["TensorBoard"]
