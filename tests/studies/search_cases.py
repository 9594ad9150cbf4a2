"""What tests of searches share: a space with blocks, numbers and a requirement, and a search without training.

Without Optuna, importing this skips the module of tests that does it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

optuna: Any = pytest.importorskip("optuna", reason="searches need optuna: the extra archdsl[search]")

from reading import Texts  # noqa: E402 - what follows needs Optuna

from archdsl.compiler import Changes  # noqa: E402
from archdsl.source import Source  # noqa: E402
from archdsl.spaces.arrays.sampled import Band  # noqa: E402
from archdsl.spaces.opened import Opened, Text  # noqa: E402
from archdsl.studies.search.parameters import params_of  # noqa: E402
from archdsl.studies.search.pool import Candidate, Members, Setting  # noqa: E402
from archdsl.studies.search.proposals import Asked, Keys, Proposer, mark  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)

TEXT = """arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

block plain(x; width, kernel: 3, stride: 1) = x -> conv(width, kernel: kernel, stride: stride) -> batch_norm -> relu
block twice(x; width, kernel: 3, stride: 1) {
  return x -> plain(width: width, kernel: kernel, stride: stride) -> plain(width: width, kernel: 1)
}
block classify(x; classes: 10) = x -> global_pool -> linear(classes)

model staged(blocks, depths, widths, kernel) {
  input: 1 x 8 x 8
  stages: [
    | block     | depth     | width     | kernel | stride |
    | blocks[0] | depths[0] | widths[0] | kernel |      1 |
    | blocks[1] | depths[1] | widths[1] | kernel |      2 |
  ]
  head: classify
}
recipe short(rate) { epochs: 1  batch: 64  optimizer: sgd()  schedule: cosine(peak: rate) }
recipe other { epochs: 2  batch: 64  optimizer: sgd()  schedule: cosine(peak: 0.5) }

space staged_space {
  blocks ~ each(2, one_of(plain, twice))
  depths ~ each(2, int(1 .. 3))
  widths ~ each(2, log_uniform(4 .. 32, quantum: 4))
  kernel ~ one_of(1, 3, 5)
  require widths[1] >= widths[0]
  require params <= 40K
  model: staged(blocks, depths, widths, kernel)
  reward: accuracy * step_time ^ -0.07 * params ^ -0.05
}
# Many settings, of which few are members: they are drawn.
space large refines staged_space_many { require widths[1] >= 2 * widths[0] }
space staged_space_many {
  blocks ~ each(2, one_of(plain, twice))
  depths ~ each(2, int(1 .. 4))
  widths ~ each(2, log_uniform(4 .. 64, quantum: 0.25))
  require widths[0] > 0
  model: staged(blocks, depths, [floor(widths[0]), floor(widths[1])], 3)
}
# Three settings, two networks.
space few {
  a ~ one_of(1, 2, 3)
  model: staged([plain, plain], [1, min(a, 2)], [4, 8], 1)
}
space rates {
  rate ~ one_of(0.1, 0.2)
  a ~ one_of(1, 2)
  model: staged([plain, plain], [1, a], [4, 8], 1)
  recipe: short(rate)
}
space alone { a ~ one_of(4)  model: staged([plain, plain], [1, 1], [a, 8], 1) }
"""


def opened(name: str = "staged_space") -> Opened:
    found = Text(Texts({}), Source("case.arch", TEXT), name).opened()
    assert found is not None
    return found


def every_member(of: Opened) -> dict[Setting, dict[str, int]]:
    """All members of a small space with their costs, by the ordinary compiler."""
    found = {setting: of.member(setting) for setting in product(*map(range, of.space.sizes))}
    return {setting: dict(member.costs) for setting, member in found.items() if member.valid}


Objective = Callable[[Candidate], tuple[float, ...]]


class Search:
    """A search of a space whose objectives are functions of members: no folder, and no training."""

    def __init__(
        self,
        of: Opened,
        storage: Any,
        asked: Asked,
        objective: Objective,
        bands: tuple[Band, ...] = (),
        directions: tuple[str, ...] = ("minimize",),
        changes: Changes | None = None,
    ) -> None:
        self.objective = objective
        self.proposer = Proposer(
            Members(of, asked.seed, bands, 200_000), Keys(of, changes if changes is not None else Changes()), asked
        )
        self.study = optuna.create_study(
            storage=storage,
            sampler=self.proposer.sampler,
            study_name="case",
            directions=directions,
            load_if_exists=True,
        )
        for trial in self.study.get_trials():
            if "setting" in trial.user_attrs:
                self.proposer.take(tuple(trial.user_attrs["setting"]))

    def ask(self) -> tuple[Candidate, Any]:
        number = len(self.proposer.taken)
        candidate, trial = self.proposer.ask(self.study)
        mark(trial, number, {"setting": list(candidate.setting)})
        return candidate, trial

    def run(self, trials: int) -> list[Candidate]:
        """The proposals up to that number of them, each told before the next is asked for."""
        found = []
        while len(self.proposer.taken) < trials:
            candidate, trial = self.ask()
            self.study.tell(trial, self.objective(candidate))
            found.append(candidate)
        return found

    def told(self) -> list[tuple[dict[str, Any], list[float]]]:
        return [(trial.params, trial.values) for trial in self.study.get_trials()]

    def params(self, candidate: Candidate) -> dict[str, Any]:
        return params_of(self.proposer.parameters, candidate.setting)
