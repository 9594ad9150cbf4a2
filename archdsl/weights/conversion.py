"""A checkpoint as weights of the emitted module: read, mapped, checked against a given output. Needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from archdsl.graph.network import Network
from archdsl.records import dataclass
from archdsl.weights import Ambiguous, Inputs, Mismatch, Plan, inputs_of, map_state
from archdsl.weights.checkpoints import NO_TENSOR, Checkpoint, WeightsFault, opened, read_checkpoint
from archdsl.weights.checkpoints.maps import text_of
from archdsl.weights.inputs import ChannelOrder
from archdsl.weights.tensors import lost, state_of
from archdsl.weights.trial import MAX_TRIALS, Trial, TrialReport

PROPOSE = "--propose-map FILE writes what is known of which tensor goes where, to be completed and given with --map"


@dataclass(frozen=True)
class Choices:
    """What the user decided: which weights of the checkpoint are taken, and what becomes of those that do not fit."""

    ema: bool = False
    entry: str | None = None
    input_rule: str | None = None
    classifier_rule: str | None = None
    allow_unused: bool = False
    channel_order: ChannelOrder | None = None
    accept_order: bool = False
    map_: str | None = None
    """The file of a map, where one says which tensor goes where."""


@dataclass(frozen=True)
class Check:
    """A file with an input and an output, the difference that is allowed, and what makes the emitted module."""

    file: str
    tolerance: float
    module: Callable[[], Any]


@dataclass(frozen=True)
class Converted:
    """The weights by the module's names, and where each comes from."""

    plan: Plan
    checkpoint: Checkpoint
    """With the notes of the plan, and of what was lost."""
    inputs: Inputs
    state: dict[str, Any]
    """Tensors by name."""
    check: TrialReport | None


def convert(network: Network, path: str, choices: Choices, check: Check | None = None) -> Converted:
    """The weights of the checkpoint at a path for a network. Raises `WeightsFault` where they are none."""
    given = text_of(choices.map_) if choices.map_ is not None else None
    with opened(path) as content:
        found = read_checkpoint(path, content, choices.ema, choices.entry)
        inputs = inputs_of(found.tensors, found.arguments)
        if choices.channel_order is not None:
            inputs = replace(inputs, channel_order=choices.channel_order)
        reverse = inputs.channel_order == "bgr"

        def plan_by(order: int | None) -> Plan:
            return map_state(
                network,
                found.shapes,
                ordered=found.ordered,
                input_rule=choices.input_rule,
                classifier_rule=choices.classifier_rule,
                allow_unused=choices.allow_unused,
                reverse=reverse,
                order=order,
                given=given,
            )

        try:
            plan = plan_by(0 if choices.accept_order or check is not None else None)
        except Mismatch as fault:
            raise refused(path, choices.map_, fault) from None
        stranger = next((name for name, why in found.others.items() if why == NO_TENSOR), None)
        if stranger is not None and not choices.allow_unused:
            message = f"its entry {stranger} is no tensor"
            raise WeightsFault(path, message, "--allow-unused leaves such entries out, and lists them")
        state, checked = state_of(plan, found), None
        if check is not None:
            trial = Trial(check.file, check.tolerance, network, check.module, reverse=reverse)
            most = 1 if choices.accept_order else MAX_TRIALS
            plan, state, checked = _checked(trial, plan, state, plan_by, found, most)
        missing = lost(plan, found, state)
    found = replace(found, notes=(*found.notes, *plan.notes, *missing))
    return Converted(plan, found, inputs, state, checked)


def refused(path: str, map_: str | None, fault: Mismatch) -> WeightsFault:
    """The fault of the file that is at fault: of the map, where there is one."""
    if isinstance(fault, Ambiguous):
        notes = [f"{c.ours} takes {c.takes}, and could take {', '.join(c.others)}" for c in fault.choices]
        return WeightsFault(path, fault.message, fault.help, notes)
    return WeightsFault(map_ or path, fault.message, fault.help or (PROPOSE if map_ is None else None))


def _checked(
    trial: Trial,
    plan: Plan,
    state: dict[str, Any],
    plan_by: Callable[[int | None], Plan],
    found: Checkpoint,
    most: int,
) -> tuple[Plan, dict[str, Any], TrialReport]:
    """The plan of the order that comes nearest to the given output, its weights, and how near that is."""
    tried = [(trial.compare(plan, state), plan, state)]
    for order in range(1, min(plan.orders, most)):
        other = plan_by(order)
        weights = state_of(other, found)
        tried.append((trial.compare(other, weights), other, weights))
        tried.sort(key=lambda one: one[0].max_difference)  # keeps the order of equals
        tried[2:] = []
    report, plan, state = tried[0]
    if not trial.holds(report):
        raise WeightsFault(*trial.failed(report, min(plan.orders, most)))
    if len(tried) > 1:
        more = "; another does as well" if trial.holds(tried[1][0]) else ""
        told = f"of these orders, one gives the output in {trial.path}, and is taken{more}"
        plan = replace(plan, notes=(*plan.notes, told))
        if not more:
            plan = replace(plan, choices=(), orders=1)
    return plan, state, report
