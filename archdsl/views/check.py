"""What `archdsl check` shows: the models and spaces of files, with every figure they claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import partial
from typing import Any

from archdsl import __version__
from archdsl.analysis.verify import Verdict
from archdsl.compiler import Compilation, Compiled
from archdsl.diagnostics import Diagnostics
from archdsl.records import dataclass, documented
from archdsl.spaces.check import CheckedSpace, SpaceVerdict
from archdsl.views.head import identity


@documented
class ClaimReport:
    """A published figure against the network."""

    measure: str
    figure: str
    """As printed."""
    computed: int
    convention: str
    truncated: bool
    holds: bool
    note: str | None


@documented
class ModelReport:
    """A model of a checked file. `hash` and `input` are null where it has no network."""

    name: str
    hash: str | None
    input: list[int] | None
    claims: list[ClaimReport]


@documented
class SpaceClaimReport:
    """A published figure of a space. `computed` is null where there are too many settings to look at."""

    measure: str
    figure: str
    """As printed."""
    computed: int | None
    divided_by: int
    """What the number is divided by before it is compared."""
    truncated: bool
    holds: bool
    note: str | None


@documented
class SpaceReport:
    """A space of a checked file."""

    name: str
    dimensions: int
    """How many numbers with more than one value a setting is made of."""
    settings: int
    """How many settings it has, whether valid or not."""
    claims: list[SpaceClaimReport]


@documented
class FileReport:
    """A checked file."""

    spec: str
    models: list[ModelReport]
    spaces: list[SpaceReport]


@documented
class CheckReport:
    """The output of `archdsl check FILE... --format json`."""

    archdsl: str
    files: list[FileReport]
    claims: int
    """How many there are; a claim that does not hold is an error."""
    errors: int
    warnings: int
    omitted: int
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True)
class Checked:
    """One file: its models, and whether it is without errors."""

    path: str
    models: list[Compilation] = field(default_factory=list)
    spaces: list[CheckedSpace] = field(default_factory=list)
    good: bool = False

    @property
    def verdicts(self) -> list[Verdict | SpaceVerdict]:
        """The claims of its models and of its spaces."""
        of_models = [v for each in self.compiled for v in each.verdicts]
        return [*of_models, *[v for each in self.spaces for v in each.verdicts]]

    @property
    def compiled(self) -> list[Compiled]:
        """The models that have a network."""
        return [each for each in self.models if isinstance(each, Compiled)]


def check_report(found: Sequence[Checked], diagnostics: Diagnostics) -> CheckReport:
    """The JSON of checked files and what was said of them."""
    from archdsl.views.failure import failure

    files = [
        FileReport(checked.path, [_model(each) for each in checked.models], [_space(each) for each in checked.spaces])
        for checked in found
    ]
    claims = sum(len(checked.verdicts) for checked in found)
    said = failure("", diagnostics)
    return CheckReport(__version__, files, claims, said.errors, said.warnings, said.omitted, said.diagnostics)


def _model(found: Compilation) -> ModelReport:
    if not isinstance(found, Compiled):
        return ModelReport(found.name, None, None, [])
    claims = [
        ClaimReport(
            v.claim.measure, v.claim.literal, v.computed, v.convention, v.claim.truncated, v.holds, v.claim.note
        )
        for v in found.verdicts
    ]
    return ModelReport(found.name, **identity(found.network), claims=claims)


def _space(found: CheckedSpace) -> SpaceReport:
    space = found.space
    claims = [
        SpaceClaimReport(
            v.claim.measure, v.claim.literal, v.computed, v.claim.divided_by, v.claim.truncated, v.holds, v.claim.note
        )
        for v in found.verdicts
    ]
    return SpaceReport(space.name, space.free_dimensions, space.settings, claims)


def claim_lines(found: Sequence[Checked]) -> Iterator[str]:
    """A line for each claim: the figure, what was computed, by which convention, and whether it holds."""
    for result in [each for checked in found for each in checked.compiled]:
        for v in result.verdicts:
            cut = ", truncated" if v.claim.truncated else ""
            holds = "holds" if v.holds else "DOES NOT HOLD"
            figure = f"{v.claim.measure} {v.claim.literal}"
            yield f"{result.name:24} {figure:20} {v.computed:>18,}  by {v.convention}{cut}: {holds}\n"
    for each in [each for checked in found for each in checked.spaces]:
        yield from map(partial(_space_line, each.space.name), each.verdicts)


def _space_line(name: str, v: SpaceVerdict) -> str:
    cut = ", truncated" if v.claim.truncated else ""
    by = f", divided by {v.claim.divided_by:,}" if v.claim.divided_by > 1 else ""
    holds = "holds" if v.holds else "not looked at" if v.computed is None else "DOES NOT HOLD"
    computed = "-" if v.computed is None else f"{v.computed:,}"
    return f"{name:24} {f'{v.claim.measure} {v.claim.literal}':20} {computed:>18}  of the space{by}{cut}: {holds}\n"


def summary(found: Sequence[Checked]) -> str:
    """How many files, models and claims there are, and how many are at fault, in one line."""
    models = sum(len(checked.models) for checked in found)
    spaces = sum(len(checked.spaces) for checked in found)
    verdicts = [v for checked in found for v in checked.verdicts]
    held = sum(v.holds for v in verdicts)
    bad = sum(not checked.good for checked in found)
    claims = f"{held} of {len(verdicts)} claims hold" if held < len(verdicts) else f"{_many(held, 'claim')} verified"
    faulty = f", {_many(bad, 'file')} with errors" if bad else ""
    of_spaces = f", {_many(spaces, 'space')}" if spaces else ""
    return f"{_many(len(found), 'file')}, {_many(models, 'model')}{of_spaces}, {claims}{faulty}\n"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
