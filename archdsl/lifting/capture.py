"""A module of PyTorch as a list of operations, by torch.export, read into a network of ours.

torch.export runs the module's forward once on tensors without numbers, and gives what it did: operations of PyTorch's
core, each with the modules that it stood in. What acts in training alone leaves no trace there; so for the time of the
export, modules that drop whole branches are made to say so.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from archdsl.lifting.finishing import finished
from archdsl.lifting.folding import fold
from archdsl.lifting.imported import Program
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.reading import HOLE, Call, Held, Reading, parts_of, read_calls
from archdsl.lifting.rows import ROWS
from archdsl.lifting.words import RESERVED
from archdsl.quiet import quiet, reason

BRANCH_DROPS = {"DropPath": "drop_prob", "StochasticDepth": "p", "DropPath2d": "drop_prob"}
"""Modules that drop whole branches of an image, by class, with the attribute that is the rate."""
NAMESPACE = "archdsl_lifting"


class CaptureFault(Exception):
    """A module that has no program: what its forward raised, or what torch.export cannot follow."""


def exported(module: Any, shape: tuple[int, ...]) -> Any:
    """The program of a module in the mode that tests, for two images of a shape. Raises `CaptureFault`."""
    import torch

    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    image = torch.zeros(2, *shape, dtype=dtype)
    with _telling(module), _undisturbed(), quiet(), torch.no_grad():
        try:
            return torch.export.export(module, (image,))
        except (Exception, SystemExit) as fault:  # whatever a stranger's forward raises
            told = f"{type(fault).__name__}: {reason(fault)}"
            raise CaptureFault(f"its forward cannot be followed: {told}") from None


def _declared() -> Any:
    """The operation that stands for a dropped branch in a program."""
    import torch

    if not hasattr(getattr(torch.ops, NAMESPACE), "drop_path"):
        told = torch.library.custom_op(
            f"{NAMESPACE}::drop_path",
            lambda input, rate: input.clone(),  # noqa: ARG005
            mutates_args=(),
            schema="(Tensor input, float rate) -> Tensor",
        )
        told.register_fake(lambda input, rate: torch.empty_like(input))  # noqa: ARG005
    return getattr(torch.ops, NAMESPACE).drop_path


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Places where a module turns autocast off leave no trace while this lasts: nobody has turned it on."""
    import torch

    kind: Any = torch.amp.autocast_mode.autocast
    enter, leave = kind.__enter__, kind.__exit__

    def entered(self: Any) -> Any:
        return enter(self) if self._enabled else self

    def left(self: Any, *fault: Any) -> Any:
        return leave(self, *fault) if self._enabled else None

    kind.__enter__, kind.__exit__ = entered, left
    try:
        yield
    finally:
        kind.__enter__, kind.__exit__ = enter, leave


@contextlib.contextmanager
def _telling(module: Any) -> Iterator[None]:
    """Modules that drop branches say so while this lasts."""
    mark = _declared()
    changed = []
    for one in module.modules():
        attribute = next((BRANCH_DROPS[c.__name__] for c in type(one).__mro__ if c.__name__ in BRANCH_DROPS), None)
        rate = None
        if attribute is not None:
            rate = next(
                (getattr(one, name) for name in (attribute, "rate", "p", "drop_prob") if hasattr(one, name)), None
            )
        if isinstance(rate, float | int) and rate > 0:
            one.forward = lambda x, rate=float(rate): mark(x, rate)
            changed.append(one)
    try:
        yield
    finally:
        for one in changed:
            del one.forward


def read_program(program: Any, name: str, numbers: Mapping[str, Any] | None = None, *, partly: bool = False) -> Lifted:
    """A program of torch.export as a network. What cannot be lifted is among the gaps.

    `numbers` are tensors in the place of its own; `partly`: where something could not be lifted, the network ends
    before it. Raises `CaptureFault` for a program of something else than one tensor of images.
    """
    import torch

    signature = program.graph_signature
    images = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in signature.user_inputs]
    if len(images) != 1 or not isinstance(images[0].meta.get("val"), torch.Tensor) or images[0].meta["val"].ndim != 4:
        raise CaptureFault("it takes something else than one tensor of images")
    shape = tuple(int(extent) for extent in images[0].meta["val"].shape[1:])
    reading = Reading(shape, int(images[0].meta["val"].shape[0]))
    values: dict[Any, Any] = {images[0]: reading.input}
    state = {**_tensors(program), **(numbers or {})}
    learned = set(signature.inputs_to_parameters.values())
    for node in program.graph.nodes:
        if node.op == "placeholder" and node is not images[0]:
            source = _source_of(signature, node.name)
            if source is not None and source in state:
                held = Held(state[source].detach(), (source,), source in learned)
                if held.learned:
                    held = replace(held, places=torch.arange(held.tensor.numel()).reshape(held.tensor.shape), base=held)
                values[node] = held
    calls = [(node, _call(node, values)) for node in program.graph.nodes if node.op == "call_function"]
    read_calls(reading, calls, ROWS, values, fold)
    (output,) = [node for node in program.graph.nodes if node.op == "output"]
    results = [values.get(node) for node in parts_of(list(output.args)) if node is not None]
    names = [key for key in state if key in learned]
    return finished(reading, results, list(values.values()), name, names, _output_names(program), partly)


def _output_names(program: Any) -> tuple[str, ...]:
    """What a program calls its outputs: the fields of a named tuple, or the keys of a dictionary; none otherwise."""
    spec = program.call_spec.out_spec
    context = getattr(spec, "context", None)
    found = getattr(context, "_fields", context if isinstance(context, list) else ())
    names = tuple([str(one) for one in found])
    plain = all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", one, re.ASCII) and one not in RESERVED for one in names)
    return names if plain else ()


class Bound(Mapping[str, Any]):
    """The arguments of a node, with values in the place of nodes, as they come to be known."""

    def __init__(self, raw: Mapping[str, Any], values: Mapping[Any, Any]) -> None:
        self.raw, self.known = raw, values

    def _of(self, part: Any) -> Any:
        if isinstance(part, list | tuple):
            return [self._of(one) for one in part]
        return self.known.get(part, HOLE) if hasattr(part, "op") and hasattr(part, "target") else part

    def __getitem__(self, key: str) -> Any:
        return self._of(self.raw[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def _call(node: Any, values: Mapping[Any, Any]) -> Call:
    """A node as an operation; `values` has what the nodes before it gave, as soon as they gave it."""
    value = node.meta.get("val")
    first = value[0] if isinstance(value, list | tuple) and value else value
    shape = tuple(int(extent) for extent in getattr(first, "shape", ()))
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    modules = tuple([(re.sub(r"@\d+", "", path), _class_name(of)) for path, of in stack if path])
    name, arguments = _bound(node)
    return Call(name, Bound(arguments, values), shape, modules)


def _class_name(of: Any) -> str:
    text = of if isinstance(of, str) else getattr(of, "__qualname__", str(of))
    return text.rpartition(".")[2]


def _bound(node: Any) -> tuple[str, dict[str, Any]]:
    """The name of an operation without overload and in-place mark, and its arguments by name."""
    target = node.target
    schema = getattr(target, "_schema", None)
    if schema is None:
        name = getattr(target, "__name__", str(target))
        return name, dict(zip(("self", "index"), node.args, strict=False)) | dict(node.kwargs)
    found = {}
    for place, argument in enumerate(schema.arguments):
        if place < len(node.args):
            found[argument.name] = node.args[place]
        elif argument.name in node.kwargs:
            found[argument.name] = node.kwargs[argument.name]
        elif argument.has_default_value():
            found[argument.name] = argument.default_value
    name = schema.name.partition("::")[2]
    return (name if name.startswith("_") else name.rstrip("_")), found


def _tensors(program: Any) -> dict[str, Any]:
    return {**program.constants, **program.state_dict}


def _source_of(signature: Any, name: str) -> str | None:
    for table in ("inputs_to_parameters", "inputs_to_buffers", "inputs_to_lifted_tensor_constants"):
        found = getattr(signature, table).get(name)
        if found is not None:
            return str(found)
    return None


def program_of(
    shown: str,
    name: str,
    program: Any,
    run: Callable[[Mapping[str, Any]], Callable[[Any], Any]],
    images: int | None = None,
) -> Program:
    """A program of torch.export as what is imported."""
    learned = frozenset(program.graph_signature.inputs_to_parameters.values())

    def read(numbers: Mapping[str, Any] | None, partly: bool) -> Lifted:
        return read_program(program, name, numbers, partly=partly)

    return Program(shown, name, dict(program.state_dict), learned, read, run, images)
