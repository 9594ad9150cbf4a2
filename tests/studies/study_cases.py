"""What tests of studies share: tiny networks of 16 x 16 pixels, and a stand-in for what starts trainings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archdsl.compiler import Changes
from archdsl.studies.processes import Ended
from archdsl.studies.sources import made, of_members, with_draws
from archdsl.studies.study import Row, Study, digest_of, head_of

NETS = """arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

block simple(x; width) = x -> conv(width, kernel: 3, stride: 2) -> batch_norm -> relu
block classify(x; classes: 10) = x -> global_pool -> linear(classes)

model net(width: 4, more: 8) {
  input: 1 x 16 x 16
  stages: [simple { width: width }, simple { width: more }]
  head: classify
}
model other = net(width: 8)

recipe short(peak) {
  epochs: 2
  batch: 256
  optimizer: sgd(momentum: 0.9)
  schedule: cosine(peak: peak, per: "epoch")
}
recipe fast = short(0.4)

space tiny {
  width ~ one_of(4, 8, 12)
  more  ~ one_of(8, 16)
  rate  ~ log_uniform(0.1 .. 1, quantum: 0.1)
  model: net(width, more)
  recipe: short(rate)
}
"""

Act = Callable[[Path], Ended]
"""What a training does in its folder."""


def epoch(number: int, accuracy: float) -> dict[str, Any]:
    """The figures of an epoch, as a training script writes them."""
    losses = {"train_loss": 2.0, "val_loss": 1.0}
    return {"epoch": number, "step": 5 * number, **losses, "val_accuracy": accuracy, "lr": 0.1, "seconds": 1.0}


def ends(code: int, *accuracies: float, says: str = "", lost: bool = False) -> Act:
    """A training that has such epochs, says a last line, and ends with a code."""

    def act(folder: Path) -> Ended:
        lines = [json.dumps(epoch(number, accuracy)) for number, accuracy in enumerate(accuracies, 1)]
        (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
        if says:
            with folder.with_name(f"{folder.name}.log").open("a") as log:
                log.write(f"epoch 1\n{says}\n")
        return Ended(code, 2.0, 100_000_000, lost=lost)

    return act


class Acted:
    """Stands in for `Trainings`: each training that is started acts as the next one of a list."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.environ: dict[str, str] = {}
        self.packages = ""
        self.started: list[tuple[str, list[str]]] = []

    def __enter__(self) -> Acted:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start(self, argv: Sequence[str], folder: Path, *_: object, **__: object) -> Any:
        self.started.append((folder.name, list(argv)))
        return Over(self.acts.pop(0)(folder))


@dataclass
class Over:
    end: Ended

    def wait(self, _: float) -> Ended:
        return self.end


def study_of(folder: Path, *texts: str, draws: Sequence[Row] = (), **options: Any) -> Study:
    """A study of networks, of which `net` and `other` of `NETS` are written beside it, at two epochs."""
    nets = folder.parent / "nets.arch"
    if not nets.exists():
        nets.write_text(NETS)
    source = of_members([str(nets.parent / text) for text in texts], Changes(), folder)
    if draws:
        source = with_draws(source, draws, {"draws": digest_of(draws)})
        options["options"] = list(draws[0])
    words = options.pop("words", ["--device=cpu"])
    return made(folder, source, head_of(source.words, threads=1, recipe="fast", words=words, **options))
