"""What `archdsl bench` shows: measured seconds and bytes beside exact counts, and how they go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archdsl import __version__
from archdsl.graph.cost import MEASURES
from archdsl.measuring.fits import SHAPES, TERMS, Curve, fitted, pearson
from archdsl.measuring.rows import Measured, Turn, measured
from archdsl.measuring.settings import MEMORY, WORKS
from archdsl.records import documented
from archdsl.views.tables import Cell, render_csv, table
from archdsl.visible import visible

_GIGA, _MEGA = 1e9, 1e6
_UNITS = {"flops": _GIGA, "params": _MEGA, "acts": _MEGA, "root": _GIGA**0.5}


@documented
class ConditionsReport:
    """Under which all networks were measured."""

    device: str
    device_name: str
    threads: int
    dtype: str
    """bfloat16: weights and images for inference; for training torch.autocast over float32 weights."""
    layout: str
    compiled: bool
    """By torch.compile."""
    batch: int
    """Images of a pass."""
    torch: str
    python: str
    system: str
    cpus: int | None
    flush_denormal: bool
    memory_kept: bool
    """Whether the process keeps memory that it frees while it is timed."""
    clock: str
    """wall, or cpu: the time that the process spends on all cores."""
    seconds: float
    """Asked for in each round, by torch's benchmark timer, after passes that do not count."""
    seed: int
    """Of the order of networks in a round, of images and of weights."""
    load: float | None
    """The largest load of the machine as turns began: processes that wanted a core in the minute before."""
    convention: str
    """How flops, params and acts are counted."""
    memory: str
    """How memory is measured."""


@documented
class CorrelationReport:
    """Pearson's r of what was measured with flops, params and acts, over some networks."""

    work: str
    networks: str | None
    """The network and its scalings; null for all."""
    strategy: str | None
    """Null for all strategies."""
    number: int
    measured: str
    """seconds or memory_bytes."""
    flops: float | None
    """Null where counts or what was measured do not vary, or for fewer than three networks."""
    params: float | None
    acts: float | None


@documented
class TermCoefficient:
    """One term of a curve."""

    term: str
    """flops, params, acts, or root: the square root of flops."""
    coefficient: float
    """Of one count, in seconds of a pass."""


@documented
class CurveReport:
    """A sum of terms without a constant, fitted to seconds by least squares of relative residuals."""

    work: str
    networks: str | None
    """The network and its scalings; null for all."""
    number: int
    terms: list[TermCoefficient]
    error: float
    """The root of the mean square of relative residuals."""
    left_out_error: float | None
    """The same where each network is predicted by a fit to all others."""


@documented
class BenchReport:
    """The output of `archdsl bench NET... --format json`."""

    archdsl: str
    """The version of archdsl."""
    path: str | None
    """The file of all turns; null where none was asked for."""
    turns: int
    """Rows of it, those of failures among them."""
    complete: bool
    """Whether all rounds of all networks were measured that were asked for."""
    conditions: ConditionsReport | None
    """Null where nothing was measured."""
    networks: list[Measured]
    correlations: list[CorrelationReport]
    curves: list[CurveReport]
    diagnostics: list[dict[str, Any]]


def bench_report(
    turns: Sequence[Turn], path: str | None, *, complete: bool, diagnostics: Sequence[dict[str, Any]] = ()
) -> BenchReport:
    """What the rows of a file say."""
    found = measured(turns)
    return BenchReport(
        __version__,
        path,
        len(turns),
        complete,
        conditions_of(turns) if turns else None,
        [*found],
        [row for work in WORKS for row in correlations(found, work)],
        [row for work in WORKS for row in curves(found, work)],
        list(diagnostics),
    )


def conditions_of(turns: Sequence[Turn]) -> ConditionsReport:
    """How rows that agree in that were measured."""
    first, loads = turns[0], [turn.load for turn in turns if turn.load is not None]
    kind = first.device.partition(":")[0]
    names = ("device", "device_name", "threads", "dtype", "layout", "compiled", "batch", "torch", "python", "system")
    more = ("cpus", "flush_denormal", "memory_kept", "seconds", "seed", "clock")
    return ConditionsReport(
        **{name: getattr(first, name) for name in (*names, *more)},
        load=max(loads) if loads else None,
        convention=first.convention,
        memory=MEMORY[kind],
    )


# Over several networks


def groups_of(found: Sequence[Measured], work: str) -> Iterator[tuple[str | None, str | None, list[Measured]]]:
    """Networks that are compared: all, those of one network, and those of one of its strategies with itself."""
    timed = [each for each in found if each.work == work and each.measured_seconds is not None]
    labels = list(dict.fromkeys([each.network for each in timed]))
    scaled = [label for label in labels if any(each.strategy for each in timed if each.network == label)]
    for label in scaled:
        own = [each for each in timed if each.network == label]
        strategies = list(dict.fromkeys([each.strategy for each in own if each.strategy]))
        for strategy in strategies:
            yield label, strategy, [each for each in own if each.strategy in (None, strategy)]
        if len(strategies) > 1:
            yield label, None, own
    if labels and (len(labels) > 1 or not scaled):
        yield None, None, timed


def correlations(found: Sequence[Measured], work: str) -> Iterator[CorrelationReport]:
    """Pearson's r of seconds and of bytes with each count, for groups of three networks or more."""
    for label, strategy, group in groups_of(found, work):
        peaks = [(each, each.measured_memory_bytes) for each in group if each.measured_memory_bytes is not None]
        for name, kept in (("seconds", [(each, each.measured_seconds) for each in group]), ("memory_bytes", peaks)):
            if len(kept) < 3:
                continue
            ys = [float(y or 0) for _, y in kept]
            r = {measure: pearson([getattr(each, measure) for each, _ in kept], ys) for measure in MEASURES}
            yield CorrelationReport(work, label, strategy, len(kept), name, **r)


def curves(found: Sequence[Measured], work: str) -> Iterator[CurveReport]:
    """Fits of seconds, for each network with its scalings and for all networks."""
    for label, strategy, group in groups_of(found, work):
        if strategy is not None and any(each.strategy not in (None, strategy) for each in found):
            continue
        for terms in SHAPES:
            curve = fitted([counts_of(each) for each in group], [each.measured_seconds or 0.0 for each in group], terms)
            if curve is not None and len(group) > len(terms) + 1:
                yield curve_report(curve, work, label)


def counts_of(each: Measured) -> Mapping[str, float]:
    """A network's counts, for curves."""
    return {measure: float(getattr(each, measure)) for measure in MEASURES}


def curve_report(curve: Curve, work: str, label: str | None) -> CurveReport:
    """A curve as the JSON has it."""
    terms = [TermCoefficient(term, c) for term, c in zip(curve.terms, curve.coefficients, strict=True)]
    return CurveReport(work, label, curve.networks, terms, curve.error, curve.left_out)


# Text

COLUMNS = ("network", "strategy", "factor", "input", "flops", "params", "acts")
MEASURED = ("work", "rounds", "measured_seconds", "measured_low_seconds", "measured_high_seconds")


def bench_text(report: BenchReport) -> str:
    """The networks, what goes with what, and how it was measured."""
    parts = [networks_table(report)]
    if report.correlations:
        headers = ["measured", "work", "networks", "number", "flops", "params", "acts"]
        rows: list[list[Cell]] = [
            [_words(r.measured), r.work, _group(r.networks, r.strategy), r.number, *_three(r)]
            for r in report.correlations
        ]
        parts.append("Pearson's r with exact counts:\n" + table(headers, rows))
    if report.curves:
        headers = ["fit of measured time, ms of a pass", "work", "networks", "number", "error", "left out"]
        rows = [
            [curve_text(c), c.work, _group(c.networks, None), c.number, _share(c.error), _share(c.left_out_error)]
            for c in report.curves
        ]
        letters = (
            "f, p, a: flops in 10^9, params and acts in 10^6; least squares of relative residuals, whose root mean\n"
        )
        letters += "square is the error; left out: each network is predicted by a fit to all others\n"
        parts.append(table(headers, rows) + letters)
    parts.append(conditions_text(report.conditions) if report.conditions else "nothing was measured\n")
    if not report.complete:
        again = ": the same command goes on" if report.path else "; with -o FILE.jsonl the same command would go on"
        parts.append(f"not all that was asked for was measured{again}\n")
    return "\n".join(parts)


def networks_table(report: BenchReport) -> str:
    """Counts are exact, of one image; what is measured says so."""
    headers = [*COLUMNS, "work", "rounds", "measured ms", "quartiles", "measured MB"]
    rows: list[list[Cell]] = []
    for each in report.networks:
        cells: list[Cell] = [visible(each.network), each.strategy, _factor(each.factor), each.input]
        cells += [each.flops, each.params, each.acts, each.work, each.rounds]
        if each.measured_seconds is None:
            cells += [f"failed: {visible(each.failure or '')}", None, None]
        else:
            low, high = each.measured_low_seconds or 0.0, each.measured_high_seconds or 0.0
            megabytes = None if each.measured_memory_bytes is None else f"{each.measured_memory_bytes / 1e6:,.1f}"
            cells += [_ms(each.measured_seconds), f"{_ms(low)} to {_ms(high)}", megabytes]
        rows.append(cells)
    kept = [i for i in range(len(headers)) if any(row[i] is not None for row in rows)]
    return table([headers[i] for i in kept], [[row[i] for i in kept] for row in rows])


def conditions_text(how: ConditionsReport) -> str:
    """How it was measured, in lines."""
    compiled = "torch.compile" if how.compiled else "not compiled"
    threads = "1 thread" if how.threads == 1 else f"{how.threads} threads"
    cores = f" of {how.cpus} cores" if how.cpus else ""
    images = "1 image" if how.batch == 1 else f"{how.batch:,} images"
    memory = "kept" if how.memory_kept else "as the system has it"
    clock = "CPU time of the process" if how.clock == "cpu" else "measured"
    name, _, unit = how.convention.partition(": ")
    lines = [
        f"machine   {how.device_name} ({how.device}), {threads}{cores}, {visible(how.system)}",
        f"software  torch {how.torch}, Python {how.python}",
        f"a pass    {images}, {how.dtype}, {how.layout}, {compiled}",
        f"time      {clock}, by torch's benchmark timer: at least {how.seconds:g} s a round after passes to warm up;",
        "          the median of a round's passes, and of the rounds the median and the quartiles; each turn is a",
        f"          process of its own, in random order (seed {how.seed}); freed memory is {memory}",
        f"memory    measured: {how.memory}",
        f"counts    exact, of one image, convention {name}: {unit}",
    ]
    if how.load is not None:
        lines.append(f"load      at most {how.load:.1f} processes wanted a core in the minute before a turn")
    return "\n".join(lines) + "\n"


def bench_csv(report: BenchReport) -> str:
    """A line for each network; all say how they were measured."""
    how = report.conditions
    if how is None:
        return ""
    own = [*COLUMNS, "spec", "hash", *MEASURED, "measured_memory_bytes", "failure"]
    shared = ["batch", "device", "device_name", "threads", "dtype", "layout", "compiled", "torch", "convention"]
    lines: list[list[Cell]] = [
        [*[getattr(each, name) for name in own], *[getattr(how, name) for name in shared]] for each in report.networks
    ]
    return render_csv([*own, *shared], lines)


def curve_text(curve: CurveReport, unit: float = 1e3) -> str:
    """`3.1 f + 0.52 √f`: in milliseconds, or another unit, for flops in 10^9, params and acts in 10^6."""
    parts = [f"{unit * each.coefficient * _UNITS[each.term]:.4g} {TERMS[each.term]}" for each in curve.terms]
    return " + ".join(parts).replace("+ -", "- ")


def _three(row: CorrelationReport) -> list[Cell]:
    return ["-" if r is None else f"{r:.3f}" for r in (row.flops, row.params, row.acts)]


def _group(label: str | None, strategy: str | None) -> str:
    if label is None:
        return "all"
    return visible(label) if strategy is None else f"{visible(label)}, {strategy}"


def _words(measured_: str) -> str:
    return {"seconds": "time", "memory_bytes": "memory"}[measured_]


def _factor(factor: float | None) -> Cell:
    return None if factor is None else f"{factor:g}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.4g}" if seconds < 1 else f"{1000 * seconds:,.0f}"


def _share(error: float | None) -> Cell:
    return "-" if error is None else f"{100 * error:.1f} %"


__all__ = ["BenchReport", "bench_csv", "bench_report", "bench_text", "counts_of", "curve_report", "curve_text"]
