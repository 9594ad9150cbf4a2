"""The blocks of a network as classes: one for each block that is declared, where its applications allow it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from archdsl.backends.torch.bodies import BlockUse, Body, Ref, body_of, lowered
from archdsl.backends.torch.condensed import programs_with_lists
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.parameters import Choice
from archdsl.backends.torch.python import Name, names
from archdsl.backends.torch.sizes import fixed_by
from archdsl.backends.torch.terms import RESERVED, Chosen, Namer
from archdsl.backends.torch.union import Program, UnionStep, programs_of
from archdsl.backends.torch.widths import Inner
from archdsl.graph.blocks import INPUT, Application, Declared, Step, Value
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Network, Node
from archdsl.graph.operations import OPERATIONS
from archdsl.records import dataclass


@dataclass(slots=True)
class BlockClass:
    """One class of the emitted module."""

    number: int
    name: str
    program: Program
    chosen: Chosen
    of_the_image: tuple[int, ...] = ()
    """The bodies that may see the channels of the image."""

    @property
    def declared(self) -> Declared:
        return self.program.bodies[0].application.declared


@dataclass(slots=True)
class Plan:
    """All classes, inner ones first, and the body of the network itself."""

    network: Network
    classes: dict[int, BlockClass] = field(default_factory=dict)
    root: Program = field(default_factory=lambda: Program([], [], ()))
    chosen: Chosen = field(default_factory=Chosen)
    classifier: int | None = None
    takes_classes: bool = False
    """Whether the number of classes is an argument: nothing but the classifier depends on it."""
    gives_features: bool = False
    """Whether it may be left out, for a vector of features to come out."""
    name: str = ""
    takes_channels: bool = False
    """Whether the channels of the image are an argument: only convolutions and linear layers see them."""
    for_inference: bool = False
    """Whether nobody asks for gradients."""


def class_name(name: str, doc: str = "") -> str:
    """`squeeze_excite` -> `SqueezeExcite`; with the capitals that a comment writes its words with.

    `regnety_4gf` with the comment "RegNetY-4.0GF (…)" is `RegNetY4GF`: each run of letters is written as the first
    words of the comment with these letters are, a hyphen between them aside. Every part begins with a capital, and an
    underscore stays between two numbers; so does one before a word that begins small and has capitals: `_dWr4`.
    """
    parts = [_as_written(part, doc) for part in name.split("_") if part]
    joined = ""
    for part in parts:
        small = bool(joined) and part[:1].islower() and not part.islower()
        apart = small or (joined[-1:].isdigit() and part[:1].isdigit())
        joined += f"{'_' if apart else ''}{part[:1] if small else part[:1].upper()}{part[1:]}"
    return joined if joined[:1].isalpha() else f"Block{joined}"


def class_of_model(name: str, doc: str = "") -> str:
    """The class of the network itself, which is named before all others: none of the words that emitted text uses."""
    return Namer([*RESERVED])(class_name(name, doc))


def _as_written(part: str, doc: str) -> str:
    """A part of a name with the capitals of a comment."""
    return re.sub(r"[A-Za-z]+", lambda run: _word_of(run[0], doc), part)


def _word_of(letters: str, doc: str) -> str:
    """The first words of a comment that are made of some letters, without hyphens; these letters if none are."""
    pattern = "-?".join(letters)
    found = re.search(rf"(?<![A-Za-z]){pattern}(?![A-Za-z])", doc, re.IGNORECASE | re.ASCII)
    return found[0].replace("-", "") if found is not None else letters


def plan_of(network: Network, name: str, doc: str = "") -> Plan:
    """Decide the classes; that of the network is called by a name, as a comment writes it."""
    plan = Plan(network)
    plan.classifier = classifier_of(network)
    fixed = fixed_by(network)
    plan.takes_classes = plan.classifier is not None and decides_alone(network, plan.classifier)
    plan.gives_features = plan.takes_classes and _gives_features(network, plan.classifier or 0)
    varied = plan.classifier if plan.takes_classes else None
    plan.name = class_of_model(name, doc)
    namer = Namer([*RESERVED, plan.name])
    steps = {step.applied: step for step in _steps(network.root) if isinstance(step.applied, int)}
    tainted = _of_the_image(network, steps)
    measuring = _measures_image(network.root, tainted)
    known: dict[int, BlockUse] = {}
    inner = Inner()

    def choose(program: Program, spread: bool, *, literal_inputs: bool = False) -> Chosen:
        return Choice(program, spread, inner, classes=namer.taken, literal_inputs=literal_inputs).run()

    for group in _groups(network.root):
        bodies = [body_of(network, application, known, varied, fixed) for application in group]
        programs = programs_with_lists(bodies)
        for program in programs:
            seeing = [i for i, body in enumerate(program.bodies) if tainted.intersection(body.application.inputs)]
            chosen = choose(program, bool(seeing))
            number = len(plan.classes)
            declared = program.bodies[0].application.declared
            called = namer(class_name(declared.name, declared.doc))
            made = BlockClass(number, called, program, chosen, tuple(seeing))
            plan.classes[number] = made
            inner.add(number, program, chosen)
            settings = {p.name: p.setting for p in chosen.parameters if p.setting is not None}
            exact = frozenset(p.name for p in chosen.parameters if p.exact)
            for index, body in enumerate(program.bodies):
                arguments: dict[str, Any] = {p.name: p.column[index] for p in chosen.parameters}
                on_path = exact if _holds(body, varied) else frozenset()
                inputs = tuple([at for place in chosen.inputs for at in body.places(place)])
                known[id(body.application)] = BlockUse(number, arguments, settings, inputs, on_path)
    root = body_of(network, network.root, known, varied, fixed)
    plan.root = programs_of([root])[0]
    plan.chosen = choose(plan.root, True)
    given = any(feature.value == INPUT for feature in network.features)
    offered = len(tainted) == 1 and not measuring and not given
    plan.takes_channels = offered and _absorbs(plan, plan.root, plan.chosen, (0,), 0)
    if not plan.takes_channels:
        plan.chosen = choose(plan.root, True, literal_inputs=True)
    return plan


def _absorbs(plan: Plan, program: Program, chosen: Chosen, bodies: tuple[int, ...], index: int) -> bool:
    """Whether the channels of an input reach nothing but the weights of what reads it, and say so by their name.

    It is asked of some bodies; what others do with the input is without influence.
    """
    name = chosen.widths[Ref("", index)].name
    watched = {Ref("", index)}
    absorbed: set[tuple[str, str]] = set()
    steps = [step for step in program.steps if any(step.uses[body] is not None for body in bodies)]
    for step in steps:
        for place, ref in enumerate(step.inputs):
            if ref not in watched:
                continue
            if isinstance(step.kind, int):
                inner = plan.classes[step.kind]
                taken = inner.chosen.inputs[place]
                if _sizes_alone(plan, inner.program, taken):
                    continue
                absorbed.add((step.label, inner.chosen.widths[Ref("", taken)].name))
                if not _absorbs(plan, inner.program, inner.chosen, inner.of_the_image, taken):
                    return False
            elif FORMS[step.kind].pads:
                watched.add(Ref(step.label))
            elif FORMS[step.kind].absorbs:
                absorbed.add((step.label, "in_channels"))
            elif _takes_size(step, place):
                continue
            else:
                return False
    if not absorbed or watched.intersection(program.outputs):
        return False
    if any(slot not in chosen.terms or chosen.terms[slot].expression != Name(name) for slot in absorbed):
        return False
    here = {step.label for step in steps}
    others = [term for slot, term in chosen.terms.items() if slot not in absorbed and slot[0] in here]
    return not any(name in term.parameters for term in others) and name not in names(*chosen.conditions.values())


def _sizes_alone(plan: Plan, program: Program, index: int) -> bool:
    """Whether a block takes nothing of an input but its height and width, and how many images there are."""
    ref = Ref("", index)
    if ref in program.outputs:
        return False
    for step in program.steps:
        for place in [place for place, given in enumerate(step.inputs) if given == ref]:
            if isinstance(step.kind, int):
                inner = plan.classes[step.kind]
                if not _sizes_alone(plan, inner.program, inner.chosen.inputs[place]):
                    return False
            elif not _takes_size(step, place):
                return False
    return True


def _takes_size(step: UnionStep, place: int) -> bool:
    """Whether an operation takes nothing of an operand but the number of images, and a size."""
    kind = str(step.kind)
    if FORMS[kind].learned:
        return True
    operation = OPERATIONS.get(kind)
    return operation is not None and operation.takes_size and place == len(step.inputs) - 1 != step.bypass


def _holds(body: Body, node: int | None) -> bool:
    return node is not None and any(step.applied == node for step in _steps(body.application))


def _steps(application: Application) -> Iterator[Step]:
    for step in application.steps:
        yield step
        if not isinstance(step.applied, int):
            yield from _steps(step.applied)


def _groups(root: Application) -> list[list[Application]]:
    """All applications below the root by their declaration and what their settings hold, inner blocks first.

    Settings can put blocks within each other in both orders, or one within itself; then those of one height above the
    operations are a group.
    """
    heights: dict[int, int] = {}
    held: list[tuple[Application, Application]] = []
    """Each application with each that stands in it, inner ones first."""

    def visit(application: Application) -> None:
        inner = [step.applied for step in application.steps if not isinstance(step.applied, int)]
        for below in inner:
            visit(below)
            held.append((application, below))
        heights[id(application)] = max([heights[id(below)] + 1 for below in inner], default=0)

    def plain(application: Application) -> tuple[str, ...]:
        return (application.declared.module, application.declared.name, *application.held)

    def exact(application: Application) -> tuple[str | int, ...]:
        return (*plain(application), heights[id(application)])

    visit(root)
    highest: dict[tuple[str, ...], int] = {}
    for _, below in held:
        highest[plain(below)] = max(highest.get(plain(below), 0), heights[id(below)])
    ordered = all(outer is root or highest[plain(below)] < highest[plain(outer)] for outer, below in held)
    found: dict[tuple[str | int, ...], list[Application]] = {}
    for _, below in held:
        found.setdefault(plain(below) if ordered else exact(below), []).append(below)
    return sorted(found.values(), key=lambda group: max([heights[id(application)] for application in group]))


def _of_the_image(network: Network, steps: Mapping[int, Step]) -> set[Any]:
    """The values whose channels may depend on those of the image."""
    found: set[Any] = {INPUT}
    for index, node in enumerate(network.nodes):
        mixed = node.inputs[:-1] if node.operation.takes_size else node.inputs
        if node.operation.learned or not found.intersection(mixed):
            continue
        given = steps[index].names.get("width") if index in steps else None
        if node.operation.mixes and not (isinstance(given, str) and given.endswith(".channels")):
            continue
        found.update([Value(index, output) for output in range(len(node.shapes))])
    return found


def _measures_image(application: Application, tainted: set[Any]) -> bool:
    """Whether the text of a block that the image may enter asks for channels in an expression or a condition."""
    inner = [step.applied for step in application.steps if not isinstance(step.applied, int)]
    seeing = [block for block in inner if tainted.intersection(block.inputs)]
    return any(block.declared.measures or _measures_image(block, tainted) for block in seeing)


def decides_alone(network: Network, classifier: int) -> bool:
    """Whether another width of the classifier is all that another number of classes changes.

    The width is a literal, or it is handed in, as it is, through the blocks of the head, whose texts read it nowhere
    else. Where the head has a setting `classes`, that is where it comes from.
    """
    path = _path_to(network.root, classifier)
    setting = "width"
    for application, step in reversed(path[1:]):
        given = step.names.get(setting)
        if given is None:  # a literal
            setting = ""
            break
        declared = application.declared
        uses = [name for each in application.steps for name in each.names.values()]
        if not isinstance(given, str) or given not in declared.parameters or uses.count(given) != 1:
            return False
        if declared.reads[declared.parameters.index(given)] != 1:
            return False
        setting = given
    head = path[0][1].applied
    return isinstance(head, int) or "classes" not in head.declared.parameters or setting == "classes"


def _gives_features(network: Network, classifier: int) -> bool:
    """Whether a vector comes out without the classifier: one number for each channel that enters it."""
    behind: list[Node] = []
    at = network.outputs[0].node
    while at != classifier:
        behind.append(network.nodes[at])
        at = network.nodes[at].inputs[0].node
    node = network.nodes[at]
    inputs = network.input_shapes(node)
    channels = inputs[0][0]
    before = lowered(node, inputs).before  # what is done for it stays: a flattening, a border
    shape = before[-1].shape if before else inputs[0]
    try:
        for each in reversed(behind):
            (shape,) = each.operation.infer(shape)
    except RuleError:  # what stands behind needs the classifier's own extents
        return False
    return shape == (channels,)


def _path_to(application: Application, node: int) -> list[tuple[Application, Step]]:
    """The applications around a node, the outermost first, each with its step on the way."""
    for step in application.steps:
        if step.applied == node:
            return [(application, step)]
        if not isinstance(step.applied, int) and (below := _path_to(step.applied, node)):
            return [(application, step), *below]
    return []


def classifier_of(network: Network) -> int | None:
    """The layer in the head whose width is the number of classes: the last linear layer or convolution before the
    output, with nothing behind it that knows its width."""
    if len(network.outputs) != 1 or len(network.shape(network.outputs[0])) not in (1, 3):
        return None
    value = network.outputs[0]
    while value.node >= 0:
        node = network.nodes[value.node]
        if node.operation.mixes:
            return value.node if node.path.split(".")[0] == "head" else None
        shapes = network.input_shapes(node)
        if len(node.inputs) != 1 or len(node.shapes) != 1 or node.shapes[0][0] != shapes[0][0]:
            return None
        if node.operation.counts_channels or node.operation.tensors(shapes, node.shapes):
            return None
        value = node.inputs[0]
    return None
