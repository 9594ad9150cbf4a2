"""Weights of the emitted module by the names of another library: the way of `conversion`, back.

Names, shapes and types are those of a checkpoint of theirs (`like`), or of a map. Every tensor of ours is given to one
of theirs; nothing is worked out, so that weights that came from there are there again, bit for bit. Needs torch.
"""

from __future__ import annotations

from math import prod
from typing import Any

from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.records import dataclass
from archdsl.weights import map_state
from archdsl.weights.checkpoints import FLOATS, Checkpoint, WeightsFault, opened, read_checkpoint
from archdsl.weights.checkpoints.maps import text_of
from archdsl.weights.conversion import Choices, refused
from archdsl.weights.faults import Mismatch
from archdsl.weights.given import entries_of
from archdsl.weights.inputs import inputs_of
from archdsl.weights.layers import COUNTER, RESHAPE, Layer, our_layers
from archdsl.weights.plan import BACK, COLOURS, REVERSED, Left, Loaded
from archdsl.weights.tensors import checked_numbers

HELP = "--back takes weights of the emitted module, by its own names"


@dataclass(frozen=True)
class Returned:
    """The weights by the other library's names."""

    moved: tuple[Loaded, ...]
    """`shape` is ours, and `their_shape` that of what is written."""
    mine: Checkpoint
    state: dict[str, Any]
    """Tensors by name, in the order of `like`, or of our operations."""
    left: tuple[Left, ...]
    """Tensors of `like` that nothing of ours goes to, and that are not written."""
    notes: tuple[str, ...]


def bring_back(network: Network, path: str, choices: Choices, like: str | None) -> Returned:
    """The weights at a path, of the emitted module, by names of theirs. Raises `WeightsFault` where they are none.

    Without `like` there is a map, by which names are known, and types are ours.
    """
    layers = our_layers(network)
    with opened(path) as content:
        mine = own_checkpoint(path, read_checkpoint(path, content, choices.ema, choices.entry), layers)
        if like is None:
            moved = _by_map(layers, choices, mine)
            return Returned(moved, mine, _state(moved, mine, None), (), ())
        with opened(like) as other:
            theirs = read_checkpoint(like, other)
            return _like(network, mine, theirs, choices)


def own_checkpoint(path: str, found: Checkpoint, layers: dict[int, Layer]) -> Checkpoint:
    """The checkpoint, if it holds the emitted module's tensors and no others. Raises `WeightsFault`."""
    wanted = {stored.name: stored.shape for layer in layers.values() for stored in layer.tensors.values()}
    for name, shape in wanted.items():
        if name not in found.tensors:
            if name.endswith(f".{COUNTER}"):
                continue
            raise WeightsFault(path, f"it has no {name}, which the emitted module has", HELP)
        if found.tensors[name].shape != shape:
            has = show_shape(found.tensors[name].shape) or "a number"
            raise WeightsFault(path, f"its {name} is {has}, and the emitted module's {show_shape(shape)}")
    strange = next((name for name in (*found.tensors, *found.others) if name not in wanted), None)
    if strange is not None:
        raise WeightsFault(path, f"its {strange} is no tensor of the emitted module", HELP)
    return found


def _like(network: Network, mine: Checkpoint, theirs: Checkpoint, choices: Choices) -> Returned:
    given = text_of(choices.map_) if choices.map_ is not None else None
    inputs = inputs_of(theirs.tensors, theirs.arguments)
    try:
        plan = map_state(
            network,
            theirs.shapes,
            ordered=theirs.ordered,
            input_rule=BACK,
            classifier_rule=choices.classifier_rule,
            allow_unused=choices.allow_unused,
            reverse=(choices.channel_order or inputs.channel_order) == "bgr",
            order=0 if choices.accept_order else None,
            given=given,
        )
    except Mismatch as fault:
        raise refused(theirs.path, choices.map_, fault) from None
    gone = [left.name for left in plan.new if left.name in mine.tensors and not left.name.endswith(f".{COUNTER}")]
    if gone and choices.classifier_rule is None:
        raise WeightsFault(theirs.path, f"it has no name for {gone[0]}")
    moved = [entry for entry in plan.loaded if entry.ours in mine.tensors]
    places = {name: place for place, name in enumerate(theirs.tensors)}
    moved.sort(key=lambda entry: places[entry.theirs])
    absent = [Left(e.theirs, e.their_shape, "ours has no such counter") for e in plan.loaded if e not in moved]
    notes = [*plan.notes, *[f"{name} has no name there, and is left out" for name in gone]]
    return Returned(tuple(moved), mine, _state(moved, mine, theirs), (*plan.unused, *absent), tuple(notes))


def _by_map(layers: dict[int, Layer], choices: Choices, mine: Checkpoint) -> tuple[Loaded, ...]:
    """Where each tensor goes, by a map alone."""
    if choices.map_ is None:
        raise ValueError("names come from a checkpoint or from a map")
    moved: dict[str, Loaded] = {}
    try:
        entries = entries_of(text_of(choices.map_), layers)
        for layer in layers.values():
            whole = entries.get(layer.path)
            for short, stored in layer.tensors.items():
                entry = entries.get(stored.name, whole)
                if stored.name not in mine.tensors or (entry is None and short == COUNTER):
                    continue
                if entry is None:
                    raise Mismatch(f"the map does not say what {stored.name} is there")
                if entry.theirs is None:
                    continue
                name = entry.theirs if entry is not whole else f"{entry.theirs}.{short}"
                shape = entry.shape if entry.shape is not None and short != "bias" else stored.shape
                if prod(shape) != prod(stored.shape):
                    raise Mismatch(f"line {entry.line}: {stored.name} is {show_shape(stored.shape)}")
                if name in moved:
                    raise Mismatch(f"line {entry.line}: {moved[name].ours} is {name} already")
                rule = RESHAPE if shape != stored.shape else None
                if choices.channel_order == "bgr" and layer.takes_image and short == "weight":
                    rule = f"{REVERSED}, {rule}" if rule else REVERSED
                moved[name] = Loaded(stored.name, name, rule, stored.shape, shape)
    except Mismatch as fault:
        raise WeightsFault(choices.map_, fault.message, fault.help) from None
    return tuple(moved.values())


def _state(moved: tuple[Loaded, ...] | list[Loaded], mine: Checkpoint, theirs: Checkpoint | None) -> dict[str, Any]:
    """The tensors to write: of the types that `theirs` has, where these hold the numbers."""
    import torch

    state = {}
    for entry in moved:
        held = checked_numbers(mine, entry.ours, entry.ours)
        if REVERSED in entry.rules:
            if held.shape[1] != COLOURS:
                has = f"its {entry.ours} has {held.shape[1]} input channels"
                raise WeightsFault(mine.path, f"{has}, and BGR has {COLOURS}")
            held = held.flip(1)
        made = held.reshape(entry.their_shape).clone(memory_format=torch.contiguous_format)
        dtype = theirs.tensors[entry.theirs].dtype if theirs is not None else ""
        if dtype in FLOATS and made.is_floating_point():
            cast = made.to(getattr(torch, dtype))
            made = cast if bool((cast.to(made.dtype) == made).all()) else made
        state[entry.theirs] = made
    return state
