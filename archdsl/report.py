"""What the commands say, as plain data: the form of every JSON output.

What enters is a compilation; what leaves are dataclasses whose fields are the JSON's. Counts are exact integers; a
number of the language that is no integer is its text in the language, exact too. pydantic is imported only for the
schemas (`schema`), which docs/schema/ keeps; tests hold every output against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

from archdsl import __version__
from archdsl.analysis.model import Model
from archdsl.analysis.provenance import FitLine, changes_of, origins_of, ties_of
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Value
from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import Cost, Row, group_of
from archdsl.graph.memory import peak_bytes, training_bytes, weights_bytes
from archdsl.graph.network import Network
from archdsl.numbers import format_number, is_number
from archdsl.papers.report import PaperReport
from archdsl.records import dataclass
from archdsl.render import to_json
from archdsl.source import Span

Grouping = Literal["stage", "block", "op", "kind"]
GROUPINGS: tuple[Grouping, ...] = ("stage", "block", "op", "kind")

DOCUMENTED: dict[str, Any] = {"use_attribute_docstrings": True}


@dataclass(frozen=True)
class ConventionReport:
    """How things are counted, in words."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    name: str
    version: str
    text: str
    """Whose numbers these are."""
    unit: str
    """What `flops` counts."""
    params_unit: str
    """What `params` counts."""
    acts_unit: str
    """What `acts` counts."""


@dataclass(frozen=True)
class RowReport:
    """A part of the network. The rows of a report add up to its totals."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    """Its module path; by kind, the name of the operation."""
    block: str | None
    """The block that a stage is made of; by op and kind, the operation."""
    depth: int | None
    """The number of blocks of a stage."""
    operations: int
    """The number of primitive operations."""
    outputs: list[list[int]]
    """The shapes of what leaves it, as channels, height, width; empty where rows are kinds."""
    flops: int
    params: int
    acts: int
    buffers: int


@dataclass(frozen=True)
class MemoryReport:
    """Bytes, for a type of number and a batch."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    dtype: str
    batch: int
    weights_bytes: int
    """Parameters and buffers, as a file stores them."""
    peak_inference_bytes: int
    """The most bytes of activations that live at one time at inference; no weights, no scratch space."""
    training_bytes: int
    """What autograd keeps from the forward to the backward pass."""
    training_is_estimate: bool
    """Always true: it follows PyTorch's rules and measures nothing."""


@dataclass(frozen=True)
class LineReport:
    """A line of a block's `fit`."""

    text: str
    at: str


@dataclass(frozen=True)
class ChangeReport:
    """How one number came about in a scaling."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    scaling: str
    base: int | str | None
    """The number before; null for a block that was not there."""
    multiplied: int | str
    """What the scaling's line gives before it rounds: exact, as text in the language where it is not whole."""
    rounded: int | str
    """What the scaling's line gives."""
    adjusted: int | str
    """What the network has: after the block's `fit`."""
    rule: str
    """The scaling's line."""
    rule_at: str
    """File and line of the rule."""
    fit: list[LineReport]
    """The lines of `fit` that gave the adjusted number, if it is another one: the last first."""


@dataclass(frozen=True)
class PassedReport:
    """A factor that has no network, and why."""

    factor: str
    reason: str


@dataclass(frozen=True)
class SolvedReport:
    """A factor that was solved for."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    scaling: str
    parameter: str
    measure: str
    target: int
    factor: str
    """Exact; on the grid of thousandths."""
    reached: int
    residual: int
    """Reached minus target."""
    residual_percent: float
    passed: list[PassedReport]
    """Factors that were tried and have no network, nearest to the answer first, one for each reason."""


@dataclass(frozen=True)
class TermReport:
    """One term of a total: count * coefficient = subtotal."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    measure: str
    label: str
    operation: str
    column: str
    """The column of the ledger."""
    count: int
    coefficient: str
    subtotal: int | str


@dataclass(frozen=True)
class SymbolReport:
    """A symbol of the closed forms, with its value in this model."""

    name: str
    value: int
    text: str


@dataclass(frozen=True)
class FormReport:
    """The closed forms of a stage, or of all."""

    path: str
    flops: str
    params: str
    acts: str


@dataclass(frozen=True)
class FormulasReport:
    """Closed forms of the counts. The stages add up to the total. They hold where all conditions do."""

    symbols: list[SymbolReport]
    whole: list[str]
    """Quotients that must be whole numbers."""
    conditions: list[str]
    """What else was decided on the symbols: `w_0/8 <= 16`."""
    stages: list[FormReport]
    total: FormReport


@dataclass(frozen=True)
class CostReport:
    """The output of `archdsl cost FILE --format json`: a network's exact counts, for one image."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    """The version of archdsl."""
    spec: str
    """The file, as given."""
    model: str
    hash: str
    """A digest of what the network computes; layout and names do not change it."""
    input: list[int]
    """Channels, height, width."""
    convention: ConventionReport
    flops: int
    """In the convention's unit; never an ambiguous FLOP."""
    params: int
    acts: int
    buffers: int
    """Stored elements that are not learned."""
    by: Grouping
    rows: list[RowReport]
    memory: MemoryReport
    changes: list[ChangeReport]
    """What scalings changed."""
    solved: list[SolvedReport]
    terms: list[TermReport] | None
    """With --explain: the terms of each total."""
    formulas: FormulasReport | None
    """With --formulas."""
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True)
class FailureReport:
    """The output of any command with `--format json` where the input is at fault."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    spec: str
    errors: int
    warnings: int
    omitted: int
    """How many diagnostics there are beyond those listed."""
    diagnostics: list[dict[str, Any]]
    """Code, severity, message, file, range, label, labels, help and edits of each, sorted by place."""


@dataclass(frozen=True)
class ZooEntry:
    """A network that ships with archdsl."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    name: str
    family: str
    path: str
    """File and model, as a command takes them."""
    input: list[int]
    flops: int
    params: int
    acts: int
    claims: int
    """The number of published figures that it claims and has."""
    doc: str
    source: str
    """The paper that it cites, or else the code."""


@dataclass(frozen=True)
class ZooReport:
    """What `archdsl zoo` lists."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    convention: str
    networks: list[ZooEntry]


@dataclass(frozen=True)
class ClaimReport:
    """A published figure against the network."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    measure: str
    figure: str
    """As printed."""
    computed: int
    convention: str
    truncated: bool
    holds: bool
    note: str | None


@dataclass(frozen=True)
class ModelReport:
    """A model of a checked file. `hash` and `input` are null where it has no network."""

    name: str
    hash: str | None
    input: list[int] | None
    claims: list[ClaimReport]


@dataclass(frozen=True)
class FileReport:
    """A checked file."""

    spec: str
    models: list[ModelReport]


@dataclass(frozen=True)
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
class OriginReport:
    """Where a setting of a stage came from."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    requested: int | str
    """Before the block's `fit`."""
    used: int | str
    rule: str
    """The expression that gave what was requested."""
    rule_at: str
    fit: list[LineReport]
    """The lines of `fit` that gave what is used, if it is another number: the last first."""


@dataclass(frozen=True)
class TieReport:
    """An exact half that a rule rounds: the even neighbour is taken, and code in doubles may have the other."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    value: str
    """The half."""
    taken: int
    rule: str
    """What rounds it."""
    rule_at: str


@dataclass(frozen=True)
class ExplainReport:
    """The output of `archdsl explain FILE --format json`: changes of the scalings, or origins without one."""

    archdsl: str
    spec: str
    model: str
    hash: str
    input: list[int]
    changes: list[ChangeReport]
    origins: list[OriginReport]
    ties: list[TieReport]
    """The exact halves among the numbers of the stages."""
    solved: list[SolvedReport]
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True)
class CodeReport:
    """The output of `archdsl explain CODE --format json`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    code: str
    title: str
    explanation: str
    wrong: str | None
    """An example that has the fault."""
    right: str | None
    """The same without it."""


@dataclass(frozen=True)
class SideReport:
    """One side of a comparison."""

    spec: str
    model: str
    hash: str
    input: list[int]
    flops: int
    params: int
    acts: int


@dataclass(frozen=True)
class DifferenceReport:
    """One difference: `+` only in b, `-` only in a, `~` in both."""

    sign: Literal["+", "-", "~"]
    path: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class StageDifference:
    """The cost of one stage in both; null where one has no such stage."""

    path: str
    flops_a: int | None
    flops_b: int | None
    params_a: int | None
    params_b: int | None
    acts_a: int | None
    acts_b: int | None


@dataclass(frozen=True)
class DiffReport:
    """The output of `archdsl diff A B --format json`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    same: bool
    """Whether both mean the same: equal networks, preprocessing and initialisation."""
    same_network: bool
    """Whether the hashes are equal."""
    convention: ConventionReport
    a: SideReport
    b: SideReport
    differences: list[DifferenceReport]
    stages: list[StageDifference]


@dataclass(frozen=True)
class TensorReport:
    """A tensor of the emitted module, of the checkpoint, or one of each."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    status: Literal["loaded", "adapted", "new", "unused"]
    name: str | None
    """In the emitted module; null for an unused one."""
    shape: list[int] | None
    checkpoint_name: str | None
    """In the checkpoint; null for a new one."""
    checkpoint_shape: list[int] | None
    """Null too for an entry that is no tensor."""
    rule: str | None
    """How an adapted one is made: reshape, reversed, sum, mean, repeat; why one is new or unused."""
    cast_from: str | None
    """The type of the checkpoint's numbers, where they are written as another."""


@dataclass(frozen=True)
class ChoiceReport:
    """A tensor of the emitted module that could take another one of the checkpoint as well: nothing tells."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    name: str
    takes: str
    others: list[str]


@dataclass(frozen=True)
class InputReport:
    """What the checkpoint's network takes for input, and no shape shows; null where nothing tells."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    library: str | None
    """Whose names the checkpoint has."""
    channel_order: Literal["rgb", "bgr"] | None
    reversed: bool
    """Whether the input channels are written in reverse order: the module takes RGB."""
    largest: int | None
    """Pixels are from 0 to this."""
    mean: list[float] | None
    """Of red, green and blue, in this order."""
    std: list[float] | None
    interpolation: str | None
    resize: int | None
    """The shorter side before the crop."""
    crop: int | None
    differences: list[str]
    """Where the model's `preprocess` says something else."""


@dataclass(frozen=True)
class TrialReport:
    """The output of the network with the written weights beside a given one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    file: str
    outputs: int
    """How many numbers were compared."""
    max_difference: float
    largest: float
    """The largest number of the given output, by absolute value."""
    tolerance: float
    """The difference that was allowed, as a share of `largest`."""


@dataclass(frozen=True)
class WeightsReport:
    """The output of `archdsl weights SPEC CHECKPOINT --format json`: what became of every tensor of both sides."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    spec: str
    model: str
    hash: str
    checkpoint: str
    output: str
    """The file that was written."""
    written: bool
    """False with --dry-run."""
    loaded: int
    """How many tensors were taken as they are."""
    adapted: int
    new: int
    unused: int
    tensors: list[TensorReport]
    """Those of the module in the order of its operations, then the unused ones."""
    input: InputReport
    orders: int
    """How many orders fit between which nothing decides: 1 where the order is sure."""
    choices: list[ChoiceReport]
    """What these orders differ in."""
    check: TrialReport | None
    """Null without --check."""
    notes: list[str]
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True)
class FileWritten:
    """A file that was written."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    target: str
    """What it is: torch, train, json, dot or svg."""
    bytes: int


@dataclass(frozen=True)
class CompileReport:
    """`archdsl compile --format json`: what was compiled, and what was written."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    """The version of archdsl."""
    spec: str
    model: str
    name: str
    """The name of the emitted module."""
    hash: str
    """The digest of what the network computes."""
    input: list[int]
    """Channels, height, width."""
    files: list[FileWritten]
    convention: str
    """How flops, params and acts are counted."""
    flops: int
    params: int
    acts: int
    diagnostics: list[dict[str, Any]]
    """Claims that do not hold: the files are written all the same."""


@dataclass(frozen=True)
class RepositoryReport:
    """The state of the git repository that a spec lies in."""

    commit: str
    dirty: bool
    """Whether a file that git knows was changed since."""


@dataclass(frozen=True)
class StartReport:
    """One start of a training run, and where it ran."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    time: str
    """In UTC."""
    folder: str
    """Where the command was given."""
    typed: list[str]
    """The command of archdsl."""
    command: list[str]
    """What was started in the run folder: it works without archdsl."""
    processes: int
    epochs: int
    """Those asked for. More than at the start before extend the run: its further epochs have the rates of a run of so
    many."""
    archdsl: str
    python: str
    torch: str | None
    platform: str
    cpus: int | None
    variables: dict[str, str]
    """Those of the environment that numbers may depend on."""
    environment: str
    """The file with the installed packages."""
    repository: RepositoryReport | None
    """None where there is no repository, or no git."""
    exit_code: int | None
    """None while it runs, or if archdsl was ended before it."""
    seconds: float | None


@dataclass(frozen=True)
class RunReport:
    """`run.json` of a run folder: what is trained and how, with every start of it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    """The version that emitted the files."""
    spec: str
    model: str
    changes: list[str]
    """What the command line changed in the model."""
    name: str
    """The name of the emitted module."""
    hash: str
    """The digest of what the network computes."""
    input: list[int]
    """Channels, height, width."""
    preprocess: dict[str, str]
    init: dict[str, str]
    """How parameters start."""
    recipe: dict[str, Any]
    """Every setting of the recipe as it is used; numbers that are not whole are exact, as text."""
    unused: dict[str, str]
    """By its path, what the recipe asks for and is left out: what the network has not."""
    seed: int
    settings: dict[str, Any]
    """Every setting of the entry point, as of the last start."""
    files: dict[str, str]
    """The files that a run is repeated from, each with its SHA-256."""
    starts: list[StartReport]


@dataclass(frozen=True)
class TrainReport:
    """`archdsl train --format json`: what was started, and how it ended."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    """The version of archdsl."""
    spec: str
    model: str
    name: str
    """The name of the emitted module."""
    hash: str
    input: list[int]
    """Channels, height, width."""
    recipe: str
    folder: str
    """The run folder."""
    state: Literal["new", "goes on"]
    """Whether the folder held the run already."""
    dry_run: bool
    """True: nothing was written or started."""
    processes: int
    command: list[str]
    """What is started in the run folder."""
    files: list[str]
    """What a new run begins with; none for one that goes on from its own files."""
    exit_code: int | None
    """Of the entry point; negative for a signal."""
    metrics: dict[str, Any] | None
    """Of the last epoch."""
    diagnostics: list[dict[str, Any]]
    """Claims that do not hold: the network is trained all the same."""


SCHEMAS: dict[str, type] = {
    "compile": CompileReport,
    "train": TrainReport,
    "run": RunReport,
    "cost": CostReport,
    "check": CheckReport,
    "zoo": ZooReport,
    "paper": PaperReport,
    "explain": ExplainReport,
    "code": CodeReport,
    "diff": DiffReport,
    "weights": WeightsReport,
    "failure": FailureReport,
}
"""The outputs by the names of their schemas in docs/schema/."""


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of an output."""
    from pydantic import TypeAdapter

    found = TypeAdapter(SCHEMAS[name]).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


# Builders


def convention_report(convention: Convention) -> ConventionReport:
    return ConventionReport(
        convention.name,
        convention.version,
        convention.text,
        convention.unit,
        convention.params.unit,
        convention.acts.unit,
    )


def failure(spec: str, diagnostics: Diagnostics) -> FailureReport:
    """The report of a run that has no result."""
    errors = diagnostics.errors
    listed = [to_json(diagnostic) for diagnostic in diagnostics]
    return FailureReport(__version__, spec, errors, len(listed) - errors, diagnostics.omitted, listed)


def rows_of(model: Model, cost: Cost, by: Grouping) -> list[RowReport]:
    """The parts of a network in the order of their first operation."""
    if by == "op":
        return [_row(row.path, row.operation, None, [row]) for row in cost.rows]
    groups: dict[str, list[Row]] = {}
    for row in cost.rows:
        key = row.operation if by == "kind" else group_of(row.path, by)
        groups.setdefault(key, []).append(row)
    found = []
    for key, rows in groups.items():
        block, depth = (key, None) if by == "kind" else _block_of(model, key, by)
        found.append(_row(key, block, depth, rows, shapes=by != "kind"))
    return found


def _row(path: str, block: str | None, depth: int | None, rows: list[Row], *, shapes: bool = True) -> RowReport:
    outputs = [[int(extent) for extent in shape] for shape in rows[-1].outputs] if shapes else []
    sums = [int(sum([getattr(row, name) for row in rows])) for name in ("flops", "params", "acts", "buffers")]
    return RowReport(path, block, depth, len(rows), outputs, *sums)


def _block_of(model: Model, key: str, by: str) -> tuple[str | None, int | None]:
    """The block behind a path, and how many of it there are."""
    parts = key.split(".")
    if parts[0] != "stages":
        end = {"stem": model.stem, "head": model.head}.get(parts[0])
        return (show_value(end) if end is not None else None), None
    stage = model.stages[int(parts[1])]
    if by == "stage":
        return stage.block.name, stage.length
    if parts[2:] == ["enter"]:
        return (stage.enter.name if isinstance(stage.enter, Block) else show_value(stage.enter)), None
    return stage.block.name, None


def memory_report(network: Network, dtype: str, batch: int) -> MemoryReport:
    """Bytes of weights, of the peak at inference, and of what training keeps."""
    return MemoryReport(
        dtype,
        batch,
        int(weights_bytes(network, dtype)),
        int(peak_bytes(network, dtype, batch)),
        int(training_bytes(network, dtype, batch)),
        training_is_estimate=True,
    )


def exact(value: Value) -> int | str:
    """A value for JSON: a whole number as such, everything else as text in the language."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return format_number(value) if is_number(value) else show_value(value)


def _rule(span: Span) -> tuple[str, str]:
    """The text at a span on one line, and its file and line."""
    return " ".join(span.text.split()), f"{span.source.name}:{span.line}"


def _fit(lines: Iterable[FitLine]) -> list[LineReport]:
    return [LineReport(line.text, _rule(line.span)[1]) for line in lines]


def change_reports(model: Model, text: Callable[[Value], Any] = exact) -> list[ChangeReport]:
    """What the scalings changed. `text` writes a value."""
    return [
        ChangeReport(
            s.path,
            s.scaling,
            text(s.base) if s.base is not None else None,
            text(s.multiplied),
            text(s.rounded),
            text(s.adjusted),
            *_rule(s.rule),
            _fit(s.fit),
        )
        for s in changes_of(model)
    ]


def origin_reports(model: Model, text: Callable[[Value], Any] = exact) -> list[OriginReport]:
    """Where the settings of the stages came from. `text` writes a value."""
    return [
        OriginReport(came.path, text(came.requested), text(came.used), *_rule(came.rule), _fit(came.fit))
        for came in origins_of(model)
    ]


def tie_reports(model: Model) -> list[TieReport]:
    """The exact halves that were rounded."""
    return [TieReport(format_number(t.value), round(t.value), *_rule(t.call.span)) for t in ties_of(model)]


def solved_reports(model: Model) -> list[SolvedReport]:
    """The factors that were solved for, with what the grid and the rounding left."""
    return [
        SolvedReport(
            s.scaling,
            s.parameter,
            s.measure,
            s.target,
            show_value(s.factor),
            s.reached,
            s.residual,
            round(100 * s.residual / s.target, 4),
            [PassedReport(show_value(factor), reason) for factor, reason in s.passed],
        )
        for s in model.solved
    ]


def claim_reports(compilation: Compiled) -> list[ClaimReport]:
    """A model's claims, with what its network gives."""
    return [
        ClaimReport(
            v.claim.measure, v.claim.literal, v.computed, v.convention, v.claim.truncated, v.holds, v.claim.note
        )
        for v in compilation.verdicts
    ]


def diagnostic_reports(diagnostics: Iterable[Any]) -> list[dict[str, Any]]:
    return [to_json(diagnostic) for diagnostic in diagnostics]
