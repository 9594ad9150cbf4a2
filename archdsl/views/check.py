"""What `archdsl check` shows: the models of files, with every figure they claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from archdsl import __version__
from archdsl.compiler import Compilation, Compiled
from archdsl.diagnostics import Diagnostics
from archdsl.records import dataclass, documented
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
class FileReport:
    """A checked file."""

    spec: str
    models: list[ModelReport]


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
    good: bool = False

    @property
    def compiled(self) -> list[Compiled]:
        """The models that have a network."""
        return [each for each in self.models if isinstance(each, Compiled)]


def check_report(found: Sequence[Checked], diagnostics: Diagnostics) -> CheckReport:
    """The JSON of checked files and what was said of them."""
    from archdsl.views.failure import failure

    files = [FileReport(checked.path, [_model(each) for each in checked.models]) for checked in found]
    claims = sum(len(c.verdicts) for checked in found for c in checked.compiled)
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


def claim_lines(found: Sequence[Checked]) -> Iterator[str]:
    """A line for each claim: the figure, what was computed, by which convention, and whether it holds."""
    for result in [each for checked in found for each in checked.compiled]:
        for v in result.verdicts:
            cut = ", truncated" if v.claim.truncated else ""
            holds = "holds" if v.holds else "DOES NOT HOLD"
            figure = f"{v.claim.measure} {v.claim.literal}"
            yield f"{result.name:24} {figure:20} {v.computed:>18,}  by {v.convention}{cut}: {holds}\n"


def summary(found: Sequence[Checked]) -> str:
    """How many files, models and claims there are, and how many are at fault, in one line."""
    models = sum(len(checked.models) for checked in found)
    verdicts = [v for checked in found for result in checked.compiled for v in result.verdicts]
    held = sum(v.holds for v in verdicts)
    bad = sum(not checked.good for checked in found)
    claims = f"{held} of {len(verdicts)} claims hold" if held < len(verdicts) else f"{_many(held, 'claim')} verified"
    faulty = f", {_many(bad, 'file')} with errors" if bad else ""
    return f"{_many(len(found), 'file')}, {_many(models, 'model')}, {claims}{faulty}\n"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
