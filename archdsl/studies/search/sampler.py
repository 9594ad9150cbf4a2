"""What Optuna is told that was suggested: always a member of the space.

Optuna's samplers work as they are. Their suggestion is taken to a member that nobody has taken, and the trial has that
member's own parameters: so TPE and NSGA-II learn from the points that were trained. Where a sampler has nothing to
learn from yet (TPE's first trials, the first generation of NSGA-II), the next draw by the laws of the space is taken.

A sampler is made anew for every proposal, with a seed that depends on the search's seed and the number of the proposal
alone; what else it knows stands in Optuna's storage. So a search that was interrupted goes on as it would have.
"""

# ruff: noqa: ARG002 - what Optuna hands to every method

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from archdsl.studies.search.parameters import Parameter, params_of
from archdsl.studies.search.pool import Candidate

Kind: TypeAlias = Literal["random", "tpe", "nsga2"]
SUGGESTS: tuple[Kind, ...] = ("tpe", "nsga2")
"""The kinds that learn. The other one takes the draws of the space in their order."""
STARTUP: dict[Kind, int] = {"random": 0, "tpe": 10, "nsga2": 20}
"""Trials of TPE before it learns; the population of NSGA-II."""

Choose: TypeAlias = Callable[[Mapping[str, Any] | None], Candidate]
"""Takes a suggestion to a member; none is a plain draw."""


class Proposals(BaseSampler):
    """Optuna's sampler of a search. `number` is that of the next proposal; `given` is the member that it is, if it is
    known already."""

    def __init__(self, kind: Kind, seed: int, startup: int, parameters: Sequence[Parameter], choose: Choose) -> None:
        self.kind, self.seed, self.startup = kind, seed, startup
        self.parameters, self.choose = parameters, choose
        self.number = 0
        self.given: Candidate | None = None
        self.chosen: Candidate | None = None
        self._inner: BaseSampler = RandomSampler(seed=0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.chosen = None
        self._inner = self._made()
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters are suggested together, for a member is one point."""
        return {each.name: each.distribution for each in self.parameters}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters of the member that is proposed."""
        known = self._inner.infer_relative_search_space(study, trial)
        suggested = self._inner.sample_relative(study, trial, known)
        if self.given is not None:
            self.chosen = self.given
        elif suggested:
            for name, distribution in search_space.items():
                if name not in suggested:  # one that NSGA-II mutates
                    suggested[name] = self._inner.sample_independent(study, trial, name, distribution)
            self.chosen = self.choose(suggested)
        else:
            self.chosen = self.choose(None)
        return params_of(self.parameters, self.chosen.setting)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise RuntimeError(f"`{param_name}` is no parameter of the space")

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Seeds follow from numbers."""

    def _made(self) -> BaseSampler:
        digest = hashlib.blake2b(f"{self.seed}\n{self.number}".encode(), digest_size=4).digest()
        seed = int.from_bytes(digest, "little")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna 4 calls two of the options experimental
            if self.kind == "tpe":
                return TPESampler(seed=seed, n_startup_trials=self.startup, multivariate=True, constant_liar=True)
            if self.kind == "nsga2":
                return NSGAIISampler(seed=seed, population_size=self.startup)
        return RandomSampler(seed=seed)


__all__ = ["STARTUP", "SUGGESTS", "Choose", "Kind", "Proposals"]
