"""Which network a checkpoint is of, by the shapes of its tensors alone: no name of a module takes part.

A fingerprint counts how often a network has each shape, with the shapes of its classifier and of what reads the image
apart, because these change with the classes and the channels of the images. Two sides agree if they have each shape
equally often. Shapes are compared without extents of 1 behind, so that a 1 x 1 convolution is a linear layer, and those
of learned tensors without any extents of 1. Counters take no part.

A file whose norms are folded into its convolutions has other small tensors: then weights of more than one axis are
compared alone (`kernels`), which every form of a network has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from archdsl.graph.network import Network
from archdsl.graph.operations.convolution import Conv, Linear
from archdsl.records import dataclass
from archdsl.weights.layers import COUNTER, Extents, Layer, our_layers, squeezed, their_layers

Shapes: TypeAlias = Counter[Extents]
Agreement: TypeAlias = Literal["same", "other", "missing", "none"]
STATISTICS = "running_var"


@dataclass(frozen=True)
class Fingerprint:
    """The shapes of a network, or of a checkpoint."""

    shapes: Mapping[Extents, int]
    """Without the classifier, and without what reads the image; of a checkpoint all."""
    classifiers: tuple[tuple[Extents, ...], ...] = ()
    """The shapes of each last layer that gives classes: its weight, and its bias where it has one."""
    images: tuple[Extents, ...] = ()
    """The weights of convolutions that read all of the image's channels."""

    @property
    def total(self) -> int:
        """How many tensors there are."""
        return sum(self.shapes.values()) + sum(map(len, self.classifiers)) + len(self.images)


class Strange(NamedTuple):
    """Tensors of one shape that one side has more often than the other."""

    shape: Extents
    times: int


@dataclass(frozen=True)
class Compared:
    """A checkpoint beside a network."""

    missing: tuple[Strange, ...]
    """What the network has, and the checkpoint lacks."""
    extra: tuple[Strange, ...]
    """What the checkpoint has, and the network lacks."""
    classes: tuple[int, ...]
    """Of the classifiers that the checkpoint has, each once; none where it has none of this network."""
    classifier: Agreement
    """`same`, `other`: of other classes; `missing`: the checkpoint has none; `none`: the network has none."""
    channels: int | None
    """The image's, where they are others than the network's."""
    distance: float
    """The share of tensors of both sides that have no partner; 0 where all have."""

    @property
    def fits(self) -> bool:
        return not self.missing and not self.extra

    @property
    def is_same(self) -> bool:
        return self.fits and self.classifier in ("same", "none") and self.channels is None


def fingerprint_of(network: Network) -> Fingerprint:
    """The fingerprint of a network."""
    layers = our_layers(network)
    last = _last(network, layers)
    shapes: Shapes = Counter()
    classifiers, images = [], []
    for index, layer in layers.items():
        found = {s: normal(t.shape, layer.learned) for s, t in layer.tensors.items() if s != COUNTER}
        if index in last:
            classifiers.append(tuple([found[short] for short in ("weight", "bias") if short in found]))
            continue
        for short, shape in found.items():
            if layer.takes_image and short == "weight":
                images.append(shape)
            else:
                shapes[shape] += 1
    return Fingerprint(shapes, tuple(classifiers), tuple(images))


def _last(network: Network, layers: Mapping[int, Layer]) -> set[int]:
    """The layers that give the classes: behind them nothing with tensors stands, and all give equally many."""
    shapes = [tuple(map(int, network.shape(value))) for value in network.outputs]
    if not all(len(shape) == 1 or shape[1:] == (1, 1) for shape in shapes):
        return set()
    found: set[int] = set()
    waiting, seen = [value.node for value in network.outputs], set()
    while waiting:
        index = waiting.pop()
        if index < 0 or index in seen:
            continue
        seen.add(index)
        if index in layers:
            found.add(index)
        else:
            waiting += [value.node for value in network.nodes[index].inputs]
    whole = all(isinstance(network.nodes[index].operation, (Conv, Linear)) for index in found)
    classes = {shape[0] for shape in shapes}
    given = {layers[index].tensors["weight"].shape[0] for index in found if "weight" in layers[index].tensors}
    return found if whole and given == classes and len(classes) == 1 else set()


def checkpoint_shapes(tensors: Mapping[str, Extents]) -> dict[str, Extents]:
    """The tensors of a checkpoint that take part, by name, with the shapes that are compared."""
    return {
        stored.name: normal(stored.shape, layer.bare)
        for layer in their_layers(tensors)
        for short, stored in layer.tensors.items()
        if short != COUNTER and stored.shape
    }


def is_folded(names: Iterable[str]) -> bool:
    """Whether no name is that of a norm's statistics."""
    return not any(name.rpartition(".")[2] == STATISTICS for name in names)


def normal(shape: Extents, is_bare: bool) -> Extents:
    """A shape as it is compared; of a learned tensor by itself without extents of 1."""
    if is_bare:
        return squeezed(shape) or (1,)
    end = len(shape)
    while end > 1 and shape[end - 1] == 1:
        end -= 1
    return shape[:end]


def kernels(fingerprint: Fingerprint) -> Fingerprint:
    """What every form of the network has: weights of more than one axis."""
    shapes = {shape: count for shape, count in fingerprint.shapes.items() if len(shape) > 1}
    return Fingerprint(shapes, tuple([layer[:1] for layer in fingerprint.classifiers]), fingerprint.images)


def compare(ours: Fingerprint, found: Mapping[Extents, int], loose: Mapping[Extents, int] | None = None) -> Compared:
    """A checkpoint's shapes beside those of a network. `loose`: those of them that may be no weights."""
    theirs: Shapes = Counter(found)
    total = ours.total + sum(theirs.values())
    extra, missing = theirs - Counter(ours.shapes), Counter(ours.shapes) - theirs
    channels = None
    for shape in ours.images:
        taken = shape if extra[shape] else _like(shape, extra)
        if taken is None:
            missing[shape] += 1
            continue
        _take(extra, taken)
        channels = taken[1] if taken != shape else channels
    state: Agreement = "same" if ours.classifiers else "none"
    classes = []
    for layer in ours.classifiers:
        count = _classes(layer, extra)
        if count is None:
            state = "missing"
            continue
        classes.append(count)
        for place, shape in enumerate(layer):
            other = (count, *shape[1:])
            if extra[other]:
                _take(extra, other)
            elif place:  # the bias
                missing[shape] += 1
        if count != layer[0][0] and state == "same":
            state = "other"
    extra -= Counter(loose or {})
    strange = sum(extra.values()) + sum(missing.values())
    return Compared(
        _listed(missing), _listed(extra), tuple(dict.fromkeys(classes)), state, channels, strange / max(1, total)
    )


def _like(shape: Extents, among: Shapes) -> Extents | None:
    """A kernel that differs in its input channels alone; the one of the fewest where there are several."""
    wanted = (shape[0], *shape[2:])
    fits = [s for s, count in among.items() if count and len(s) == len(shape) > 1 and (s[0], *s[2:]) == wanted]
    return min(fits, default=None)


def _classes(layer: Sequence[Extents], among: Shapes) -> int | None:
    """How many classes a classifier has among shapes: as many as ours if it can be, else with a bias if ours has it."""
    weight = layer[0]
    if among[weight]:
        return weight[0]
    fits = [shape for shape, count in among.items() if count and len(shape) > 1 and shape[1:] == weight[1:]]
    fits.sort(key=lambda shape: (len(layer) > 1 and not among[(shape[0],)], shape))
    return fits[0][0] if fits else None


def _take(shapes: Shapes, shape: Extents) -> None:
    shapes[shape] -= 1
    if not shapes[shape]:
        del shapes[shape]


def _listed(shapes: Shapes) -> tuple[Strange, ...]:
    return tuple([Strange(shape, count) for shape, count in sorted(shapes.items()) if count > 0])


# As JSON, for what is kept


def written(fingerprint: Fingerprint) -> dict[str, Any]:
    """A fingerprint as JSON has it."""
    return {
        "shapes": [[list(shape), count] for shape, count in sorted(fingerprint.shapes.items())],
        "classifiers": [[list(shape) for shape in layer] for layer in fingerprint.classifiers],
        "images": [list(shape) for shape in fingerprint.images],
    }


def read(document: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint that `written` gave."""
    return Fingerprint(
        {tuple(shape): count for shape, count in document["shapes"]},
        tuple([tuple([tuple(shape) for shape in layer]) for layer in document["classifiers"]]),
        tuple([tuple(shape) for shape in document["images"]]),
    )


__all__ = [
    "Compared",
    "Fingerprint",
    "Strange",
    "checkpoint_shapes",
    "compare",
    "fingerprint_of",
    "is_folded",
    "kernels",
    "normal",
    "read",
    "written",
]
