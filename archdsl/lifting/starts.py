"""How parameters start, read off the numbers of a module that nobody has trained: the lines of a model's `init`.

A line holds for all weights of a kind. It is told where their numbers are a sample of one distribution of `KNOWN`, by
the Kolmogorov-Smirnov distance between the two, and of any other with far less likelihood. Trained weights are a sample
of none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from archdsl.graph.network import Network
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.proof import one_thread
from archdsl.lifting.reading import number
from archdsl.lifting.words import value_text
from archdsl.records import dataclass


class Fans(NamedTuple):
    """What a line of `init` can ask of an operation: see `graph.initializers.NAMES`."""

    fan_in: int
    fan_out: int
    groups: int
    own: int
    """What PyTorch takes for `fan_in`; of a transposed convolution its outputs."""


@dataclass(frozen=True)
class Distribution:
    """One that weights start with: its kind, its extent in the language's words, and that as a number."""

    kind: str
    amount: str
    scale: Callable[[Fans], float]

    @property
    def text(self) -> str:
        """As a line of `init` says it."""
        return f"{self.kind}({'bound' if self.kind == 'uniform' else 'std'}: {self.amount})"


def _constant(value: float, _: Fans) -> float:
    return value


CONSTANTS = ("1/1000000", "1/1000", "1/100", "2/100", "5/100", "1")
"""Standard deviations that papers and libraries use whatever the layer."""
DEVIATIONS: Mapping[str, Callable[[Fans], float]] = {
    **{amount: partial(_constant, float(Fraction(amount))) for amount in CONSTANTS},
    "1 / sqrt(fan_in)": lambda of: of.fan_in**-0.5,
    "sqrt(2 / fan_in)": lambda of: (2 / of.fan_in) ** 0.5,
    "1 / sqrt(fan_out)": lambda of: of.fan_out**-0.5,
    "sqrt(2 / fan_out)": lambda of: (2 / of.fan_out) ** 0.5,
    "sqrt(groups / fan_out)": lambda of: (of.groups / of.fan_out) ** 0.5,
    "sqrt(2 * groups / fan_out)": lambda of: (2 * of.groups / of.fan_out) ** 0.5,
    "sqrt(2 / (fan_in + fan_out))": lambda of: (2 / (of.fan_in + of.fan_out)) ** 0.5,
}
"""Standard deviations: these, and those of LeCun et al. (1998), Glorot and Bengio (2010, equation 12) and He et al.
(2015, equations 10 and 14; with groups, as EfficientNet counts the fan)."""
BOUNDS: Mapping[str, Callable[[Fans], float]] = {
    "1 / sqrt(fan_in)": lambda of: of.fan_in**-0.5,
    "sqrt(3 / fan_in)": lambda of: (3 / of.fan_in) ** 0.5,
    "sqrt(6 / fan_in)": lambda of: (6 / of.fan_in) ** 0.5,
    "1 / sqrt(fan_out)": lambda of: of.fan_out**-0.5,
    "sqrt(3 / fan_out)": lambda of: (3 / of.fan_out) ** 0.5,
    "sqrt(6 / fan_out)": lambda of: (6 / of.fan_out) ** 0.5,
    "sqrt(6 / (fan_in + fan_out))": lambda of: (6 / (of.fan_in + of.fan_out)) ** 0.5,
}
"""Bounds of uniform distributions, of the same authors (equation 16 of the second)."""
DEFAULT = Distribution("uniform", "1 / sqrt(fan_in)", lambda of: of.own**-0.5)
"""As PyTorch starts convolutions and linear layers, weights and biases, where no line says otherwise."""
KNOWN = (
    DEFAULT,
    *[Distribution("uniform", amount, scale) for amount, scale in BOUNDS.items()],
    *[
        Distribution(kind, amount, scale)
        for kind in ("normal", "truncated_normal")
        for amount, scale in DEVIATIONS.items()
    ],
)
FAR = 2.2
"""Distance times the root of how many numbers there are, from which on numbers are no sample: with true ones by chance
once in 8,000 times (Kolmogorov's distribution, 2 exp(-2 x^2))."""
ALONE = 3.0
"""The same for one tensor among others, of which there are hundreds: once in 30 million times."""
EXCEPTIONS = 0.1
"""Which share of a kind's tensors may start otherwise, for the others to be told; those are named."""
APART = 12.0
"""How many times more likely, as a logarithm, numbers are of one of two distributions, for the other to be none."""
FEWEST = 32
"""Numbers that say nothing are fewer."""
MOST = 1 << 16
"""So many numbers of a kind are looked at, and of each tensor at least a thirtieth of them: enough to tell a normal
distribution from one that is cut at two deviations."""


@dataclass(frozen=True)
class Weights:
    """A tensor of an operation: where it stands, its numbers, the fans of its operation."""

    place: str
    numbers: Any
    """Sorted."""
    fans: Fans


@dataclass(frozen=True)
class Starts:
    """The lines of `init`, and notes on what is not seen."""

    lines: Mapping[str, str]
    notes: tuple[str, ...]


def starts_of(lifted: Lifted) -> Starts:
    """How the parameters of a lifted network start, as far as its numbers show it."""
    notes: list[str] = []
    with one_thread():
        told = {key: _told(kind, key, notes) for key, kind in _kinds(lifted).items()}
    weights = {key: told[key] for key in ("conv", "linear") if told.get(key)}
    return Starts({**weights, **_of_biases(told.get("conv.bias"), told.get("linear.bias"))}, tuple(notes))


def _of_biases(conv: str | None, linear: str | None) -> dict[str, str]:
    """`bias` is of all layers, and `linear.bias` of linear ones, where they differ; none: there are no such biases."""
    lines = {"bias": conv} if conv else {}
    return lines if linear in (None, conv or "") else {**lines, "linear.bias": linear or DEFAULT.text}


def _kinds(lifted: Lifted) -> dict[str, list[Weights]]:
    """The weights and biases of convolutions and linear layers, by the words of `init`."""
    found: dict[str, list[Weights]] = {}
    network = lifted.network
    for index, (node, origin) in enumerate(zip(network.nodes, lifted.origins, strict=True)):
        for one in network.tensors(node):
            if one.column not in ("weights", "biases") or one.name not in origin.tensors:
                continue
            key = "linear" if node.operation.name == "linear" else "conv"
            place = origin.modules[-1][0] if origin.modules else ""
            weights = Weights(f"{place}.{one.name}".lstrip("."), origin.tensors[one.name], fans_of(network, index))
            found.setdefault(key if one.column == "weights" else f"{key}.bias", []).append(weights)
    return {key: [replace(one, numbers=sample(one.numbers, len(kind))) for one in kind] for key, kind in found.items()}


def sample(tensor: Any, among: int = 1) -> Any:
    """Some numbers of one of several tensors, sorted: all of them, or what stands at equal steps."""
    numbers = tensor.detach().flatten()
    step = -(-len(numbers) // max(MOST // among, MOST // 32))
    return numbers[::step].double().sort().values


def fans_of(network: Network, index: int) -> Fans:
    """As `backends.torch.initializers.FANS` has them."""
    node = network.nodes[index]
    operation: Any = node.operation
    shape = next(one.shape for one in network.tensors(node) if one.column == "weights")
    if operation.name == "linear":
        return Fans(int(shape[1]), int(shape[0]), 1, int(shape[1]))
    groups = int(getattr(operation, "groups", 1))
    taps = math.prod(int(extent) for extent in shape[2:])
    own = int(shape[1]) * taps
    if operation.name == "conv_transpose":
        return Fans(int(shape[0]) // groups * taps, own * groups, groups, own)
    return Fans(own, int(shape[0]) * taps, groups, own)


def _told(kind: Sequence[Weights], key: str, notes: list[str]) -> str:
    """How a kind starts, in the language's words; empty where PyTorch starts it so, or where it is not seen."""
    layer, _, bias = key.partition(".")
    what = f"the {'biases' if bias else 'weights'} of `{layer}`"
    values = {constant_start(one.numbers) for one in kind}
    if len(values) == 1 and None not in values:
        return value_text(next(iter(values)))
    known = _known(kind)
    if known is None:
        notes.append(f"how {what} start is not seen in their numbers: they start as PyTorch starts them")
        return ""
    found, others = known
    if others:
        named = f"{', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"
        notes.append(f"{what} start as {found.text}, but for {named}, which the language does not tell")
    return "" if found is DEFAULT else found.text


def constant_start(numbers: Any) -> Fraction | None:
    """The number that all elements of a tensor are, as it was written: single precision has six digits; none where they
    differ."""
    low, high = float(numbers.min()), float(numbers.max())
    if low != high:
        return None
    shown = float(f"{low:.6g}")
    return number(shown if abs(shown - low) <= 1e-6 * abs(low) else low)


def normal_start(tensor: Any) -> Fraction | None:
    """The deviation of the one normal distribution of `CONSTANTS` that the numbers of a tensor are a sample of."""
    among = [one for one in KNOWN if one.kind == "normal" and one.amount in CONSTANTS]
    with one_thread():
        known = _known([Weights("", sample(tensor), Fans(1, 1, 1, 1))], among)
    return Fraction(known[0].amount) if known is not None else None


def _known(kind: Sequence[Weights], among: Sequence[Distribution] = KNOWN) -> tuple[Distribution, list[str]] | None:
    """The one distribution that numbers are a sample of, and the places of a few that are of none."""
    fitting = [found for one in among if (found := _fitted(one, kind)) is not None]
    if not fitting:
        return None
    fewest = min(len(one.outside) for one in fitting)
    fitting = [one for one in fitting if len(one.outside) == fewest]
    best = max(fitting, key=lambda one: one.likelihood)
    for one in fitting:
        if one.scales != best.scales and one.likelihood > best.likelihood - APART:
            return None
    return best.distribution, best.outside


@dataclass(frozen=True)
class Fitted:
    """A distribution that the numbers of a kind may be a sample of."""

    distribution: Distribution
    outside: list[str]
    """The places of tensors that are none."""
    likelihood: float
    """The logarithm of the probability density of the numbers."""
    scales: tuple[Any, ...]
    """What it means for each tensor."""


def _fitted(of: Distribution, kind: Sequence[Weights]) -> Fitted | None:
    """A distribution, where numbers are a sample of it; else none."""
    scales = [of.scale(weights.fans) for weights in kind]
    inside, outside, likelihood = [], [], 0.0
    for weights, scale in zip(kind, scales, strict=True):
        places = places_in(of.kind, scale, weights.numbers)
        if distance(places) > ALONE:
            outside.append(weights.place)
            if len(outside) > EXCEPTIONS * len(kind):
                return None
        else:
            inside.append(places)
            likelihood += density(of.kind, scale, weights.numbers)
    if sum(map(len, inside)) < FEWEST or distance(joined(inside)) > FAR:
        return None
    return Fitted(of, outside, likelihood, (of.kind, *scales))


def density(kind: str, scale: float, numbers: Any) -> float:
    """The logarithm of the probability density of numbers, none of which lies outside."""
    if kind == "uniform":
        return -len(numbers) * math.log(2 * scale)
    whole = 1.0 if kind == "normal" else math.erf(math.sqrt(2.0))
    squares = float((numbers / scale).square().sum())
    return -squares / 2 - len(numbers) * math.log(scale * whole * math.sqrt(2 * math.pi))


def places_in(kind: str, scale: float, numbers: Any) -> Any:
    """Where sorted numbers lie in a distribution of a scale: its cumulative probability there. What lies outside its
    ends is put far away, for a sample has none of it."""
    import torch

    at = numbers / scale
    if kind == "normal":
        return torch.special.ndtr(at)
    end = 1.0 if kind == "uniform" else 2.0
    if kind == "uniform":
        places = (at + 1) / 2
    else:
        low, high = (torch.special.ndtr(torch.tensor(edge, dtype=torch.float64)) for edge in (-end, end))
        places = (torch.special.ndtr(at) - low) / (high - low)
    return torch.where(at.abs() <= end * (1 + 1e-6), places, torch.copysign(places.new_tensor(torch.inf), at))


def joined(places: Iterable[Any]) -> Any:
    """Places of several tensors together, sorted."""
    import torch

    return torch.cat(list(places)).sort().values


def distance(places: Any) -> float:
    """The Kolmogorov-Smirnov distance of sorted places from a uniform distribution, times the root of their number."""
    import torch

    count = len(places)
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    return float(torch.maximum(places - steps[:-1], steps[1:] - places).max()) * math.sqrt(count)


__all__ = ["Starts", "constant_start", "fans_of", "normal_start", "starts_of"]
