"""The proposals of a search: suggestions of Optuna taken to members that nobody has, a trial of Optuna for each.

Whoever calls holds the lock of the search: trials of Optuna that belong to no trial of the folder are those of a start
that was ended while it proposed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from archdsl.compiler import Changes, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.records import dataclass
from archdsl.spaces.opened import Opened
from archdsl.studies.search.parameters import parameters_of
from archdsl.studies.search.pool import Candidate, Members, Setting
from archdsl.studies.search.sampler import Kind, Proposals
from archdsl.training.run_folder import recipe_settings

TRIAL = "trial"
"""The attribute of a trial of Optuna with the number of the folder's."""
NAME = "member"
"""What members are called while they are compared."""


class NoMore(Exception):
    """No member is left that nobody has taken."""


class MemberFault(Exception):
    """A member that cannot be trained as asked: its diagnostics."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__()
        self.diagnostics = diagnostics


@dataclass(frozen=True)
class Asked:
    """What a search is, as far as proposals depend on it."""

    sampler: Kind
    seed: int
    startup: int
    pool: int
    """Members that a suggestion is taken to: so many, and twice as many as are taken."""


class Keys:
    """What tells members apart that are trained: the hash of the network, and the recipe with every setting.

    Settings that give the same network under the same recipe are one member.
    """

    def __init__(self, opened: Opened, changes: Changes) -> None:
        self.opened, self.changes = opened, changes
        self._known: dict[Setting, tuple[str, str]] = {}

    def of(self, setting: Setting) -> str:
        """Raises `MemberFault`."""
        return self._of(setting)[0]

    def hash_of(self, setting: Setting) -> str:
        """The hash of the network. Raises `MemberFault`."""
        return self._of(setting)[1]

    def _of(self, setting: Setting) -> tuple[str, str]:
        if setting not in self._known:
            found = self.opened.compiled(setting, NAME, self.changes)
            if isinstance(found, Failed):
                raise MemberFault(found.diagnostics)
            recipe = None if found.recipe is None else recipe_settings(found.recipe)
            digest = hashlib.blake2b(json.dumps(recipe).encode(), digest_size=8).hexdigest()
            self._known[setting] = f"{found.network.hash}:{digest}", found.network.hash
        return self._known[setting]


class Proposer:
    """Proposes members, one after the other."""

    def __init__(self, members: Members, keys: Keys, asked: Asked) -> None:
        self.members, self.keys, self.asked = members, keys, asked
        self.parameters = parameters_of(members.opened)
        self.sampler = Proposals(asked.sampler, asked.seed, asked.startup, self.parameters, self._choose)
        self.taken: set[str] = set()
        """The keys of the members that are proposed already."""
        self._passed = 0
        """Of the first draws, those that are known to be taken."""

    def take(self, setting: Setting) -> None:
        """A member was proposed before."""
        self.taken.add(self.keys.of(setting))

    def ask(self, study: Study, given: Candidate | None = None, number: int | None = None) -> tuple[Candidate, Trial]:
        """The next proposal, and its trial in Optuna; it is taken from now on.

        `given` is a proposal that was made before, with its number, and of which Optuna does not know. Raises `NoMore`,
        `MemberFault`.
        """
        if given is None and self._all_taken():
            raise NoMore
        self.sampler.number, self.sampler.given = len(self.taken) if number is None else number, given
        trial = study.ask({each.name: each.distribution for each in self.parameters})
        chosen = self.sampler.chosen or given or self._choose(None)  # a space may have no parameter
        self.take(chosen.setting)
        return chosen, trial

    def _all_taken(self) -> bool:
        every = self.members.every
        return every is not None and all(self.keys.of(each.setting) in self.taken for each in every)

    def _choose(self, params: Mapping[str, Any] | None) -> Candidate:
        return self._next_draw() if params is None else self._nearest(params)

    def _next_draw(self) -> Candidate:
        """The first draw that is not taken."""
        while (candidate := self.members.drawn(self._passed)) is not None:
            if self.keys.of(candidate.setting) not in self.taken:
                return candidate
            self._passed += 1
        for candidate in self.members.every or ():  # so improbable that no draw had them
            if self.keys.of(candidate.setting) not in self.taken:
                return candidate
        raise NoMore

    def _nearest(self, params: Mapping[str, Any]) -> Candidate:
        """The nearest member of the pool that is not taken; its size depends on the number of proposals alone."""
        size = self.asked.pool
        while size < 2 * len(self.taken):
            size *= 2
        while True:
            for candidate in self.members.near(self.parameters, params, size):
                if self.keys.of(candidate.setting) not in self.taken:
                    return candidate
            if self.members.every is not None or self.members.drawn(size) is None:
                raise NoMore
            size *= 2


# Optuna's trials


@dataclass(frozen=True)
class Told:
    """How a trial of the folder ended."""

    state: TrialState
    values: tuple[float, ...] | None = None
    """Its objectives, of one that is complete."""
    epochs: tuple[float, ...] = ()
    """The objective after each epoch, of one that was ended early."""


def number_of(trial: FrozenTrial) -> int | None:
    """The number of the folder's trial that a trial of Optuna stands for."""
    found = trial.user_attrs.get(TRIAL)
    return found if isinstance(found, int) else None


def mark(trial: Trial, number: int, attributes: Mapping[str, Any]) -> None:
    """Write down what a trial of Optuna stands for, its number in the folder last: for that says that all is there."""
    for name, value in {**attributes, TRIAL: number}.items():
        trial.set_user_attr(name, value)


def fail_strays(study: Study) -> int:
    """End the trials that were being proposed when a start was ended; how many there were."""
    strays = [
        each for each in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) if number_of(each) is None
    ]
    for each in strays:
        study.tell(each.number, state=TrialState.FAIL)
    return len(strays)


def tell_all(study: Study, told: Callable[[int], Told | None]) -> None:
    """Tell Optuna of every running trial that has ended, in the order of their numbers."""
    for each in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        number = number_of(each)
        ended = told(number) if number is not None else None
        if ended is not None:
            for epoch, error in enumerate(ended.epochs, 1):
                study._storage.set_trial_intermediate_value(each._trial_id, epoch, error)
            study.tell(each.number, values=ended.values, state=ended.state)


__all__ = [
    "NAME",
    "TRIAL",
    "Asked",
    "Keys",
    "MemberFault",
    "NoMore",
    "Proposer",
    "Told",
    "fail_strays",
    "mark",
    "number_of",
    "tell_all",
]
