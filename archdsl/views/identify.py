"""What `archdsl identify` shows: the networks that a checkpoint's shapes fit, and what differs from the nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archdsl import __version__
from archdsl.records import documented
from archdsl.views.tables import Cell, size, table
from archdsl.visible import visible
from archdsl.weights.identity import Found, Ranked

MAX_SHOWN = 6
"""As many shapes that differ are told in a line."""
MAX_LISTED = 200
"""As many stand in the JSON."""


@documented
class ShapeReport:
    """Tensors of one shape that one side has more often than the other."""

    shape: list[int]
    """Without extents of 1 behind."""
    count: int
    """How many more."""
    names: list[str]
    """The checkpoint's tensors of this shape, of which so many are too many; empty for what it lacks."""


@documented
class CandidateReport:
    """A network that ships with archdsl, beside the checkpoint."""

    name: str
    family: str
    path: str
    """File and model, as a command takes them."""
    fits: bool
    """Whether both have every shape equally often, classes and channels of the image aside."""
    classifier: Literal["same", "other", "missing", "none"]
    """The checkpoint's: for as many classes, for others, none; none: the network has none that gives classes."""
    classes: int | None
    """What the checkpoint's classifier gives, where it has one of this network."""
    network_classes: int | None
    channels: int | None
    """The checkpoint's channels of the image, where they are others than the network's."""
    distance: float
    """The share of both sides' tensors that have no partner."""
    missing: list[ShapeReport]
    """What the network has, and the checkpoint lacks."""
    extra: list[ShapeReport]
    """What the checkpoint has, and the network lacks."""


@documented
class IdentifyReport:
    """The output of `archdsl identify CHECKPOINT --format json`."""

    archdsl: str
    checkpoint: str
    tensors: int
    """How many of the checkpoint's tensors were compared."""
    compared: Literal["all", "kernels"]
    """kernels: weights of more than one axis alone, because norms are folded into convolutions."""
    networks: int
    """How many networks it was compared with."""
    fitting: int
    """How many of these fit."""
    candidates: list[CandidateReport]
    """Those that fit, and the nearest others."""
    notes: list[str]


def identify_report(found: Found, ranks: Sequence[Ranked], most: int) -> IdentifyReport:
    """The JSON: all that fit, and the nearest up to so many."""
    fitting = sum(rank.compared.fits for rank in ranks)
    listed = ranks[: max(most, fitting)]
    names: dict[tuple[int, ...], list[str]] = {}
    for name, shape in found.tensors.items():
        names.setdefault(shape, []).append(name)
    only = bool(ranks) and ranks[0].kernels_only
    compared = sum(len(shape) > 1 for shape in found.tensors.values()) if only else len(found.tensors)
    candidates = [_candidate(rank, names) for rank in listed]
    return IdentifyReport(
        archdsl=__version__,
        checkpoint=found.path,
        tensors=compared,
        compared="kernels" if only else "all",
        networks=len(ranks),
        fitting=fitting,
        candidates=candidates,
        notes=list(found.notes),
    )


def _candidate(rank: Ranked, names: dict[tuple[int, ...], list[str]]) -> CandidateReport:
    found, network = rank.compared, rank.network
    return CandidateReport(
        name=network.name,
        family=network.family,
        path=network.spec,
        fits=found.fits,
        classifier=found.classifier,
        classes=found.classes[0] if found.classes else None,
        network_classes=network.classes,
        channels=found.channels,
        distance=round(found.distance, 6),
        missing=[ShapeReport(list(s.shape), s.times, []) for s in found.missing[:MAX_LISTED]],
        extra=[ShapeReport(list(s.shape), s.times, names.get(s.shape, [])) for s in found.extra[:MAX_LISTED]],
    )


def identify_text(report: IdentifyReport) -> str:
    """A line for each network, what differs from the nearest, and what brings the weights to it."""
    headers = ("network", "family", "fits", "classifier", "without partner")
    rows: list[list[Cell]] = [
        [c.name, c.family, "yes" if c.fits else "no", _classifier(c), f"{100 * c.distance:.1f} %"]
        for c in report.candidates
    ]
    what = "tensors" if report.compared == "all" else "weights of more than one axis"
    lines = [f"{visible(report.checkpoint)}: {report.tensors:,} {what}, beside {report.networks:,} networks\n"]
    lines.append(table(headers, rows))
    if report.compared == "kernels":
        lines.append("the file has no statistics of norms, so weights of more than one axis were compared alone\n")
    first = report.candidates[0]
    if first.fits:
        several = "" if report.fitting == 1 else f"; shapes do not tell the {report.fitting:,} apart"
        lines.append(f"its shapes are those of {first.name}{several}\n")
        lines += [f"{line}\n" for line in _changes(first)]
        if report.compared == "all":
            lines.append(f"archdsl weights {first.name} CHECKPOINT brings its weights to the emitted module\n")
    else:
        lines.append(f"no network has these shapes; the nearest is {first.name}\n")
        lines += [f"  it lacks   {_shapes(first.missing)}\n"] if first.missing else []
        lines += [f"  it has     {_shapes(first.extra)}\n"] if first.extra else []
    lines += [f"note: {visible(note)}\n" for note in report.notes]
    return "".join(lines)


def _classifier(found: CandidateReport) -> str:
    if found.classifier == "none":
        return ""
    if found.classifier == "missing":
        return "has none"
    return f"{found.classes:,} classes"


def _changes(found: CandidateReport) -> list[str]:
    """What differs from a network that fits."""
    lines = []
    if found.classifier == "other":
        lines.append(f"its classifier is for {found.classes:,} classes, the network's for {found.network_classes:,}")
    if found.classifier == "missing":
        lines.append("it has no classifier")
    if found.channels is not None:
        lines.append(f"its first convolution takes {found.channels:,} channel{'s' * (found.channels != 1)}")
    return lines


def _shapes(listed: Sequence[ShapeReport]) -> str:
    told = [f"{size(s.shape)}{f' ({s.count:,} times)' if s.count > 1 else ''}{_named(s)}" for s in listed[:MAX_SHOWN]]
    more = sum(s.count for s in listed[MAX_SHOWN:])
    return "; ".join([*told, f"and {more:,} tensors of other shapes"] if more else told)


def _named(shape: ShapeReport) -> str:
    return f" as {visible(shape.names[0])}" if shape.names else ""
