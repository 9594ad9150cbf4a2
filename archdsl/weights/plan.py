"""Where every tensor of both sides goes, once their layers are paired, by the rules that the user chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archdsl.records import dataclass
from archdsl.weights.faults import Mismatch
from archdsl.weights.layers import CLASSES, INPUT_CHANNELS, RESHAPE, Extents, Layer, Stored, rules_of
from archdsl.weights.pairs import Pairing

INPUT_RULES = {
    "sum": "one channel, the sum of the checkpoint's",
    "mean": "every channel is the mean of the checkpoint's",
    "repeat": "the checkpoint's channels over and over, times theirs / ours",
}
"""What makes the first convolution's input channels from others, by name."""
CLASSIFIER_RULES = {"new": "the classifier stays as it starts"}
"""What becomes of a classifier for other classes, by name."""
REVERSED = "reversed"
"""The rule that makes the input channels of RGB from those of BGR."""
BACK = "back"
"""In place of an input rule: tensors of ours are to have their names."""
COLOURS = 3


class Loaded(NamedTuple):
    """A tensor of ours that takes the numbers of one of theirs; by `rule` where they are not the same as they are."""

    ours: str
    theirs: str
    rule: str | None
    shape: Extents
    their_shape: Extents

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that `rule` names, in the order in which they are followed."""
        return tuple(self.rule.split(", ")) if self.rule is not None else ()


class Left(NamedTuple):
    """A tensor of one side that has no part on the other, and why."""

    name: str
    shape: Extents
    why: str


class Could(NamedTuple):
    """A tensor of ours that could take the numbers of several of theirs, as far as anything tells."""

    ours: str
    takes: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every tensor of both sides goes."""

    loaded: tuple[Loaded, ...]
    """In the order of the network's operations."""
    new: tuple[Left, ...]
    """Ours that stay as they start."""
    unused: tuple[Left, ...]
    """Theirs that no operation takes."""
    notes: tuple[str, ...]
    choices: tuple[Could, ...] = ()
    """What nothing decides."""
    orders: int = 1
    """How many orders there are of these."""


def plan_of(
    ours: Mapping[int, Layer], pairing: Pairing, input_rule: str | None, classifier_rule: str | None, reverse: bool
) -> Plan:
    """What every tensor of ours takes, with the rules that the user chose. Raises `Mismatch` where one is missing.

    By the input rule `BACK`, which no user chooses, tensors are taken that have other classes or channels than theirs.
    """
    partners = {one.path: other for one, other in pairing.pairs}
    loaded, new, unused = [], [], []
    for layer in ours.values():
        other = partners[layer.path]
        rules = rules_of(layer, other) or {} if other is not None else {}
        if other is None or (CLASSES in rules.values() and input_rule != BACK):
            if classifier_rule is None:
                raise Mismatch(*_classifier_fault(layer, other))
            new += [Left(*stored, "the classifier, by the rule new") for stored in layer.tensors.values()]
            if other is not None:
                unused += [Left(*stored, "the classifier, by the rule new") for stored in other.tensors.values()]
            continue
        for short, stored in layer.tensors.items():
            if short not in rules:
                new.append(Left(*stored, "not in the checkpoint"))
                continue
            rule, theirs = rules[short], other.tensors[short].shape
            if rule in (CLASSES, INPUT_CHANNELS) and input_rule == BACK:
                theirs = (stored.shape[0], *theirs[1:]) if rule == CLASSES else stored.shape
                rule = RESHAPE if theirs != stored.shape else None
            elif rule == INPUT_CHANNELS:
                rule = _input_rule(stored, other.tensors[short], input_rule)
            if reverse and layer.takes_image and short == "weight":
                rule = _reversed(rule, other.tensors[short])
            loaded.append(Loaded(stored.name, other.tensors[short].name, rule, stored.shape, theirs))
    return Plan(tuple(loaded), tuple(new), tuple(unused), pairing.notes, tuple(_choices(pairing)), pairing.orders)


def _choices(pairing: Pairing) -> Iterator[Could]:
    for choice in pairing.choices:
        for short, stored in choice.ours.tensors.items():
            named = [layer.tensors[short].name for layer in (choice.takes, *choice.others) if short in layer.tensors]
            if len(named) > 1:
                yield Could(stored.name, named[0], tuple(named[1:]))


def _reversed(rule: str | None, theirs: Stored) -> str:
    if theirs.shape[1] != COLOURS:
        channels = f"{theirs.name} has {theirs.shape[1]} input channels, and BGR has {COLOURS}"
        raise Mismatch(channels, "--channel-order rgb takes the channels in their order")
    return f"{REVERSED}, {rule}" if rule is not None else REVERSED


def _input_rule(ours: Stored, theirs: Stored, rule: str | None) -> str:
    channels = (
        f"{ours.name} has {ours.shape[1]} input channels, and the checkpoint's {theirs.name} has {theirs.shape[1]}"
    )
    if rule is None:
        options = "; ".join(f"{name}: {text}" for name, text in INPUT_RULES.items())
        raise Mismatch(channels, f"--input-rule says how to make them: {options}")
    if rule == "sum" and ours.shape[1] != 1:
        raise Mismatch(f"{channels}; the rule sum makes one channel", "use --input-rule mean or repeat")
    return rule


def _classifier_fault(ours: Layer, theirs: Layer | None) -> tuple[str, str]:
    stored = ours.tensors["weight"]
    has = "has no classifier"
    if theirs is not None:
        has = f"has {theirs.tensors['weight'].name} for {theirs.tensors['weight'].shape[0]}"
    message = f"{stored.name} is for {stored.shape[0]} classes, and the checkpoint {has}"
    return message, "--classifier-rule new leaves the classifier as it starts"
