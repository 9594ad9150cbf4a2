"""Classes as text: constructor and `forward` of a program whose parameters are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import TypeAlias

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.classes import BlockClass, Plan
from archdsl.backends.torch.forward import Expression, Unit, statements
from archdsl.backends.torch.layout import docstring, fold
from archdsl.backends.torch.templates import constructed, expression
from archdsl.backends.torch.terms import (
    MISSING,
    RESERVED,
    Chosen,
    Namer,
    Parameter,
    literal,
    parameter_type,
    plain_name,
)
from archdsl.backends.torch.union import Program, UnionStep
from archdsl.records import dataclass

EXPRESSIONS = frozenset(("add", "mul", "concat", "split", "split_sizes"))
"""Operations that are written as expressions, never as modules."""
METHODS = frozenset(("flatten", "channels_last", "channels_first", "scale"))
"""Operations that are short expressions of a tensor where they stand by themselves, and modules within a sequence."""
WRITTEN = EXPRESSIONS | METHODS
BINARY = frozenset(("add", "mul"))
IN_PLACE = frozenset(("relu", "silu", "hard_swish"))
"""Activations that may overwrite what nothing else needs; autograd keeps as many bytes of them as otherwise."""
FRESH = frozenset(("conv", "linear", "batch_norm", "group_norm", "add"))
"""Operations whose result is a tensor of its own that their gradients do not need."""
FLAGS: Mapping[str, str] = {"add": "residual", "mul": "gated", "concat": "joined"}

Box: TypeAlias = "dict[str, UnionStep | Box]"
"""Steps by the parts of their labels: the tree of modules."""


@dataclass(slots=True)
class Written:
    """The lines of a class's body, and the parts of the file that they need."""

    constructor: list[str] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)


def tree_of(program: Program) -> Box:
    """The steps of a program below the parts of their labels."""
    tree: Box = {}
    for step in program.steps:
        *outer, last = step.label.split(".")
        box = tree
        for part in outer:
            inner = box.setdefault(part, {})
            if isinstance(inner, UnionStep):
                raise ValueError(f"{step.label} stands below an operation")
            box = inner
        if last in box:
            raise ValueError(f"two operations are called {step.label}")
        box[last] = step
    return tree


def leaves(box: Box) -> Iterator[UnionStep]:
    """All steps in a box, in its order."""
    for inner in box.values():
        if isinstance(inner, UnionStep):
            yield inner
        else:
            yield from leaves(inner)


def is_chain(box: Box, program: Program) -> bool:
    """Whether the steps of a box follow each other, with nothing between that is needed elsewhere."""
    steps = list(leaves(box))
    place = {step.label: index for index, step in enumerate(program.steps)}
    if [place[s.label] for s in steps] != sorted(place[s.label] for s in steps):
        return False
    inside = {step.label for step in steps[:-1]}
    for index, step in enumerate(steps):
        if len(step.inputs) != 1 or step.count != 1 or step.kind in EXPRESSIONS:
            return False
        if index and step.inputs[0] != Ref(steps[index - 1].label):
            return False
    if any(ref.label in inside for ref in program.outputs):
        return False
    labels = {step.label for step in steps}
    others = [step for step in program.steps if step.label not in labels]
    return not any(ref.label in inside for step in others for ref in step.inputs)


class ClassWriter:
    """Writes one class of a plan."""

    def __init__(self, plan: Plan, program: Program, chosen: Chosen) -> None:
        self.plan, self.program, self.chosen = plan, program, chosen
        self.local = Namer([*RESERVED, *[p.name for p in chosen.parameters]])
        self.attributes = Namer([step.label.partition(".")[0] for step in program.steps])
        self.users = Counter(ref for step in program.steps for ref in set(step.inputs))
        self.lines: list[str] = []
        self.units: list[Unit] = []

    # Text of one step

    def arguments(self, step: UnionStep) -> dict[str, str]:
        """The text of every argument of a step."""
        return {a: self.chosen.terms[step.label, a].text for a in step.one.arguments}

    def made(self, step: UnionStep) -> str:
        """The text that makes a step's module."""
        factory = self.chosen.factories.get(step.label)
        if factory is not None:
            return f"{factory.name}()"
        if isinstance(step.kind, int):
            return self.called(self.plan.classes[step.kind], self.arguments(step))
        arguments = self.arguments(step)
        if step.kind in IN_PLACE:
            arguments["inplace"] = str(self._is_last_use(step))
        made = constructed(step.kind, arguments)
        if self.plan.gives_features and "width" in step.one.exact:
            made = f"{made} if {arguments['width']} else nn.Identity()"
            return f"({made})" if self.chosen.conditions.get(step.label) else made
        return made

    def _is_last_use(self, step: UnionStep) -> bool:
        """Whether what flows into a step was just made, in whatever body, and is used nowhere else."""
        ref = step.inputs[0]
        while ref.label:
            source = self.program.labels[ref.label]
            if source.kind not in FRESH or self.users[ref] > 1 or ref in self.program.outputs:
                return False
            if not source.optional:
                return True
            ref = source.inputs[source.bypass or 0]
        return False

    @staticmethod
    def called(block: BlockClass, arguments: Mapping[str, str]) -> str:
        """The call of a class: channels and width in order, the rest by name, defaults left out."""
        texts: list[str] = []
        in_order = True
        for parameter in block.chosen.parameters:
            text = arguments[parameter.name]
            if parameter.default is not MISSING and text == literal(parameter.default):
                in_order = False
                continue
            in_order = in_order and parameter.role == ("in_channels", "width", "")[min(len(texts), 2)]
            texts.append(text if in_order else f"{parameter.name}={text}")
        return f"{block.name}({', '.join(texts)})"

    # Constructor and units

    def run(self) -> None:
        """Write constructor lines, and the units of `forward`."""
        self._box(tree_of(self.program), [])
        order = {step.label: index for index, step in enumerate(self.program.steps)}
        self.units.sort(key=lambda unit: order[unit.outputs[0].label])

    def line(self, text: str, indent: int = 8) -> None:
        self.lines += fold(text, indent)

    def _box(self, box: Box, path: list[str]) -> None:
        for name, inner in box.items():
            if isinstance(inner, UnionStep):
                self._leaf(inner, name)
            elif is_chain(inner, self.program):
                self._chain(name, inner)
            else:
                self._containers(name, inner)
                self._units_within(inner, f"self.{name}", [*path, name])

    def _leaf(self, step: UnionStep, name: str) -> None:
        if step.kind in WRITTEN:
            self._expression(step, name)
            return
        made = self.made(step)
        condition = self.chosen.conditions.get(step.label)
        self.line(f"self.{name} = {made} if {condition} else nn.Identity()" if condition else f"self.{name} = {made}")
        self._module_unit(name, f"self.{name}", step.inputs, step)

    def _module_unit(self, name: str, access: str, inputs: tuple[Ref, ...], step: UnionStep) -> None:
        def write(operands: Sequence[Expression]) -> Expression:
            return Expression(f"{access}({', '.join([o.text for o in operands])})", typed=False)

        outputs = tuple([Ref(step.label, index) for index in range(step.count)])
        self.units.append(Unit(self.local_name(name), inputs, outputs, write))

    def local_name(self, name: str) -> str:
        """A name for a value; only what Python itself uses is avoided here."""
        bare = f"at_{name}" if name[:1].isdigit() else name
        return plain_name(bare)

    def _expression(self, step: UnionStep, name: str) -> None:
        arguments = self.arguments(step)
        for argument, text in arguments.items():
            if all(char in "0123456789(), .e-" for char in text):
                arguments[argument] = f"[{text[1:-1].rstrip(',')}]" if text.startswith("(") else text
                continue
            attribute = self.attributes(f"{name}_{argument}")
            self.line(f"self.{attribute} = {text}")
            arguments[argument] = f"list(self.{attribute})" if argument == "sizes" else f"self.{attribute}"
        condition = self.chosen.conditions.get(step.label)
        flag = ""
        if condition:
            flag = self.attributes(FLAGS.get(str(step.kind), f"has_{name}"))
            self.line(f"self.{flag} = {condition}")
        write = partial(_written, step, arguments, flag)
        repeats = frozenset((step.bypass,)) if condition and step.bypass is not None else frozenset()
        outputs = tuple([Ref(step.label, index) for index in range(step.count)])
        self.units.append(Unit(self.local_name(name), step.inputs, outputs, write, repeats))

    def _chain(self, name: str, box: Box) -> None:
        """A container that runs its modules one after the other."""
        steps = list(leaves(box))
        inputs = steps[0].inputs
        conditions = [self.chosen.conditions.get(step.label) for step in steps]
        target = f"self.{name}"
        if not any(conditions):
            self.lines += self.sequence(f"{target} = ", box, 8)
        elif len(set(conditions)) == 1:
            self.line(f"{target} = nn.Sequential()")
            self.line(f"if {conditions[0]}:")
            self.lines += self.sequence(f"{target} = ", box, 12)
        else:
            local = self.local(name)
            self.line(f"{local} = OrderedDict[str, nn.Module]()")
            last: str | None = None
            for key, inner in box.items():
                condition = self._condition_of(inner)
                if condition is not None and condition != last:
                    self.line(f"if {condition}:")
                last = condition
                indent = 12 if condition is not None else 8
                self.lines += self._entry(f'{local}["{key}"] = ', inner, indent)
            self.line(f"{target} = nn.Sequential({local})")
        self._module_unit(name, target, inputs, steps[-1])

    def _condition_of(self, inner: UnionStep | Box) -> str | None:
        """The condition on which an entry of a sequence is there; of a box whose own entries differ, none."""
        if isinstance(inner, UnionStep):
            return self.chosen.conditions.get(inner.label)
        found = {self.chosen.conditions.get(step.label) for step in leaves(inner)}
        return found.pop() if len(found) == 1 else None

    def _entry(self, head: str, inner: UnionStep | Box, indent: int, tail: str = "") -> list[str]:
        if isinstance(inner, UnionStep):
            return fold(f"{head}{self.made(inner)}{tail}", indent)
        return self.sequence(head, inner, indent, tail)

    def sequence(self, head: str, box: Box, indent: int, tail: str = "") -> list[str]:
        """`head nn.Sequential(OrderedDict(…))tail`, an entry a line. The condition of all of it is asked outside."""
        space = " " * indent
        inside = []
        form = _form(box)
        deeper = indent + {"numbers": 4, "words": 8, "strings": 12}[form]
        whole = self._condition_of(box)
        for key, inner in box.items():
            name = _key(key, form)
            if self._condition_of(inner) in (None, whole):
                inside += self._entry(name, inner, deeper, ",")
            else:
                inside += fold(f"{name}{self._inline(inner)},", deeper)
        if form == "numbers":
            return [f"{space}{head}nn.Sequential(", *inside, f"{space}){tail}"]
        if form == "strings":
            inside = [f"{space}        {{", *inside, f"{space}        }}"]
        return [
            f"{space}{head}nn.Sequential(",
            f"{space}    OrderedDict(",
            *inside,
            f"{space}    )",
            f"{space}){tail}",
        ]

    def _containers(self, name: str, box: Box) -> None:
        """A container that is filled at once, or entry by entry where some depend on a condition."""
        if not any(self.chosen.conditions.get(step.label) for step in leaves(box)):
            self.line(f"self.{name} = {self._container(box)}")
            return
        texts = self._texts(box)
        listed = _listed(texts)
        self.line(f"self.{name} = nn.{'ModuleList' if listed else 'ModuleDict'}()")
        for key, text in texts.items():
            self.line(f"self.{name}.append({text})" if listed else f'self.{name}["{key}"] = {text}')

    def _contained(self, inner: UnionStep | Box) -> str | None:
        """The text of one entry of a container; none for what is no module."""
        if isinstance(inner, UnionStep):
            return None if inner.kind in WRITTEN else self._inline(inner)
        return self._inline_sequence(inner) if is_chain(inner, self.program) else self._container(inner)

    def _texts(self, box: Box) -> dict[str, str]:
        """The modules of a container by their keys; those of a list in its order."""
        texts = {key: text for key, inner in box.items() if (text := self._contained(inner)) is not None}
        return {key: texts[key] for key in sorted(texts, key=int)} if _listed(texts) else texts

    def _container(self, box: Box) -> str:
        """Modules that `forward` calls one by one."""
        texts = self._texts(box)
        if _listed(texts):
            return f"nn.ModuleList([{', '.join(texts.values())}])"
        inside = ", ".join([f'"{key}": {text}' for key, text in texts.items()])
        return f"nn.ModuleDict({{{inside}}})"

    def _inline(self, inner: UnionStep | Box) -> str:
        """A module or a sequence in one line, under its condition."""
        if not isinstance(inner, UnionStep):
            return self._inline_sequence(inner)
        made = self.made(inner)
        condition = self.chosen.conditions.get(inner.label)
        return f"{made} if {condition} else nn.Identity()" if condition else made

    def _inline_sequence(self, box: Box) -> str:
        form = _form(box)
        inside = ", ".join([f"{_key(key, form)}{self._inline(inner)}" for key, inner in box.items()])
        if form == "numbers":
            return f"nn.Sequential({inside})"
        return f"nn.Sequential(OrderedDict({f'{{{inside}}}' if form == 'strings' else inside}))"

    def _units_within(self, box: Box, access: str, path: list[str]) -> None:
        listed = len(path) > 1 or _listed(self._texts(box))
        for key, inner in box.items():
            here = [*path, key]
            if len(path) > 1:
                found = f'self.get_submodule("{".".join(here)}")'
            else:
                found = f"{access}[{key}]" if listed else f'{access}["{key}"]'
            if isinstance(inner, UnionStep):
                if inner.kind in WRITTEN:
                    self._expression(inner, "_".join(here))
                else:
                    self._module_unit("_".join(here), found, inner.inputs, inner)
            elif is_chain(inner, self.program):
                steps = list(leaves(inner))
                self._module_unit("_".join(here), found, steps[0].inputs, steps[-1])
            else:
                self._units_within(inner, access, here)


def _listed(keys: Collection[str]) -> bool:
    """Whether keys are the places of a list, all of them, in whatever order."""
    return set(keys) == {str(index) for index in range(len(keys))}


def _form(box: Box) -> str:
    """How the keys of an `nn.Sequential` are written: not at all where they count its modules, as the names of
    arguments, or as strings where some are numbers."""
    if list(box) == [str(index) for index in range(len(box))]:
        return "numbers"
    return "words" if all(key.isidentifier() for key in box) else "strings"


def _key(key: str, form: str) -> str:
    """A key as it stands before its module."""
    return {"numbers": "", "words": f"{key}=", "strings": f'"{key}": '}[form]


def _written(step: UnionStep, arguments: Mapping[str, str], flag: str, operands: Sequence[Expression]) -> Expression:
    """An operation as an expression; with a flag, of what takes its place where the flag is off."""
    kind = str(step.kind)
    binary = kind in BINARY
    texts = [o.operand for o in operands] if binary or kind in METHODS else [o.text for o in operands]
    if kind == "add" and operands[0].strength:
        texts[0] = operands[0].text  # a sum needs no brackets on its left
    text = expression(kind, arguments, texts)
    typed = all(o.typed for o in operands) if binary or kind in METHODS else True
    if kind.startswith("split"):
        typed = False
        text += "[0]" if step.count == 1 else ""
    if flag:
        other = operands[step.bypass or 0]
        return Expression(f"{text} if self.{flag} else {other.text}", strength=0, typed=typed and other.typed)
    return Expression(text, strength=1 if binary or kind == "scale" else 2, typed=typed)


def class_lines(plan: Plan, block: BlockClass) -> list[str]:
    """The lines of one class."""
    writer = ClassWriter(plan, block.program, block.chosen)
    writer.run()
    declared = block.declared
    doc = summary(declared.doc) or f"The block `{declared.name}`."
    lines = [f"class {block.name}(nn.Module):", *docstring(doc, 4), ""]
    lines += constructor(block.chosen.parameters)
    lines += writer.lines
    names = input_names(block)
    lines += ["", *forward_lines("forward", writer.units, names, block.program.outputs)]
    return lines


def constructor(parameters: Sequence[Parameter]) -> list[str]:
    """`def __init__` with its first line."""
    required = [p for p in parameters if p.default is MISSING]
    optional = [p for p in parameters if p.default is not MISSING]
    texts = [f"{p.name}: {parameter_type(p)}" for p in required]
    texts += [f"{p.name}: {parameter_type(p)} = {literal(p.default)}" for p in optional]
    signature = f"def __init__({', '.join(['self', *texts])}) -> None:"
    return [*fold(signature, 4), "        super().__init__()"]


def input_names(block: BlockClass) -> dict[int, str]:
    """The names of the inputs that a class takes, free for Python, by their place."""
    namer = Namer([*RESERVED])
    names = block.program.bodies[0].application.input_names
    return {index: namer(plain_name(names[index])) for index in block.chosen.inputs}


def forward_lines(
    name: str, units: Sequence[Unit], inputs: Mapping[int, str], outputs: Sequence[Ref], doc: str = ""
) -> list[str]:
    """A method that computes the outputs."""
    result = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
    result = result if len(outputs) < 4 else "tuple[Tensor, ...]"
    taken = ", ".join(["self", *[f"{i}: Tensor" for i in inputs.values()]])
    lines = fold(f"def {name}({taken}) -> {result}:", 4)
    if doc:
        lines += docstring(doc, 8)
    for text in statements(units, inputs, outputs, RESERVED):
        lines += fold(text, 8)
    return lines


def summary(doc: str) -> str:
    """The first sentence of a comment, in one line."""
    text = " ".join(doc.split())
    end = next((i for i in range(len(text)) if text[i] == "." and text[i + 1 : i + 3].strip().isupper()), -1)
    if end >= 0 and text[end + 1 : end + 2] == " ":
        return text[: end + 1]
    return text if not text or text.endswith(".") else f"{text}."
