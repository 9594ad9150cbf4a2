"""archdsl from Python: `archdsl.compile("net.arch", scale="NAME:4")`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.abc
import importlib.util
import linecache
import math
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from archdsl import emission
from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.torch.inference import SUFFIX, inference_class
from archdsl.compiler import Changes, Compilation, Compiler, Failed
from archdsl.compiler import Compiled as CompiledModel
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.conventions import CONVENTIONS, Convention
from archdsl.graph.cost import Cost, count
from archdsl.graph.shapes import show_shape
from archdsl.limits import MAX_NESTING
from archdsl.once import cached_property
from archdsl.project import Project
from archdsl.request import changes_of, words_of
from archdsl.rows import compiled_row, names_row, read_row
from archdsl.source import Source
from archdsl.views.diagnostics import render_all
from archdsl.zoo import locate

if TYPE_CHECKING:
    import networkx
    from torch import Tensor, nn

    from archdsl.pictures import Picture

Texts = str | Sequence[str]


class CompileError(Exception):
    """A file that could not be compiled. `str` of it is what the command line prints."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__(render_all(diagnostics, False))
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[type[CompileError], tuple[Diagnostics]]:
        """A copy, or one from another process, is made of the same diagnostics."""
        return CompileError, (self.diagnostics,)


def compile(
    spec: str | os.PathLike[str],
    *,
    model: str | None = None,
    set: Mapping[str, object] | None = None,
    scale: Texts = (),
    to: str | None = None,
    within: str | None = None,
    input: str | None = None,
    classes: int | None = None,
    recipe: str | None = None,
    name: str | None = None,
) -> Compiled:
    """Compile a model of a file: `spec` is a file, FILE:MODEL, or the name of a network that ships with archdsl.

    The arguments are the options of `archdsl compile`: `set={"head.classes": 10}`, `scale="NAME:4"` (or several),
    `to="flops=16G"` for a bare `scale="NAME"`, with `within="1%"`, `input="256x192"`, `recipe="NAME"`. `name` is that
    of the emitted module.

    Raises `CompileError` with the diagnostics, ValueError for an option in a form that is none, and TypeError for a
    `spec` that is no path.
    """
    try:
        if names_row(os.fsdecode(spec)):
            if model is not None:
                raise ValueError(f"{os.fsdecode(spec)} is a network already: it has no model {model}")
            row = read_row(os.fsdecode(spec))
            make = partial(compiled_row, row)
            return _compiled(make, row.text, set or {}, scale, (to, within), input, classes, recipe, name)
        place = locate(os.fsdecode(spec))
        if place.model is not None and model not in (None, place.model):
            raise ValueError(f"{place.shown} names {place.model} already, not {model}")
        project = Project(place.file)
        source = project.source()
    except Fault as fault:
        raise CompileError(_diagnostics(fault)) from None
    make = partial(Compiler(project).compile, source, _model_name(place.model or model))
    return _compiled(make, place.shown, set or {}, scale, (to, within), input, classes, recipe, name)


def compile_text(text: str, *, model: str | None = None, name: str | None = None, **options: Any) -> Compiled:
    """Compile a model of a text, as `compile` does; what it uses is looked for in the current folder.

    Raises as `compile` does; a text that no file could hold is E111 or E113.
    """
    if not isinstance(text, str):
        raise TypeError(f"compile_text() takes a text, not {type(text).__name__}")
    source = Source("text.arch", text)
    get = options.pop
    goal = get("to", None), get("within", None)
    chosen = (get("set", None) or {}, get("scale", ()), goal, get("input", None), get("classes", None))
    recipe = get("recipe", None)
    if options:
        raise TypeError(f"compile_text() has no option {next(iter(options))}")
    make = partial(Compiler(Project("text.arch")).compile, source, _model_name(model))
    return _compiled(make, "a text", *chosen, recipe, name)


def _diagnostics(fault: Fault) -> Diagnostics:
    found = Diagnostics()
    found.add(fault.diagnostic)
    return found


def _model_name(model: str | None) -> str | None:
    if model is not None and not isinstance(model, str):
        raise ValueError(f"model={model!r} is not a text, for example {_EXAMPLES['model']}")
    return model


def _compiled(
    make: Callable[[Changes], Compilation],
    spec: str,
    settings: Mapping[str, object],
    scale: Texts,
    goal: tuple[str | None, str | None],
    input_: str | None,
    classes: int | None,
    recipe: str | None,
    name: str | None,
) -> Compiled:
    to, within = goal
    scalings = (scale,) if isinstance(scale, str) else tuple(scale) if isinstance(scale, Sequence) else (scale,)
    for option, text in [
        *[("scale", text) for text in scalings],
        ("to", to),
        ("within", within),
        ("input", input_),
        ("recipe", recipe),
        ("name", name),
    ]:
        if not isinstance(text, str) and (text is not None or option == "scale"):
            raise ValueError(f"{option}={text!r} is not a text, for example {_EXAMPLES[option]}")
    if not isinstance(settings, Mapping):
        raise ValueError(f"set={settings!r} is not a mapping, for example {_EXAMPLES['set']}")
    for key in settings:
        if not isinstance(key, str) or "=" in key:
            raise ValueError(f"set: {key!r} is not the name of a setting, for example {_EXAMPLES['set']}")
    if classes is not None and (not isinstance(classes, int) or isinstance(classes, bool)):
        raise ValueError(f"classes={classes!r} is not a whole number")
    pairs = [f"{key}={_in_language(key, value)}" for key, value in settings.items()]
    pairs += [f"head.classes={_in_language('classes', classes)}"] if classes is not None else []
    try:
        result = make(changes_of(pairs, scalings, to, input_, recipe, within))
    except Fault as fault:
        raise CompileError(_diagnostics(fault)) from None
    if isinstance(result, Failed) or not result.sound:
        raise CompileError(result.diagnostics)
    try:
        chosen = emission.chosen_name(name, result.name, scalings, to, input_, within)
    except emission.NameFault as fault:
        raise ValueError(f"{fault}: give another `name`") from None
    words = words_of(pairs, scalings, to, input_, within=within)
    return Compiled(result, emission.about_of(result, chosen, spec, words))


_EXAMPLES = {
    "set": "{'head.classes': 10}",
    "model": "'my_net'",
    "scale": "'NAME:4'",
    "to": "'flops=16G'",
    "within": "'1%'",
    "input": "'256x192'",
    "recipe": "'my_recipe'",
    "name": "'my_net'",
}


def _in_language(name: str, value: object, depth: int = 0) -> str:
    """A setting's value as the language writes it: a text stands for itself, as on the command line."""
    if depth > MAX_NESTING:
        raise ValueError(f"{name}: lists within lists, more than {MAX_NESTING} deep")
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}={value!r} is not a number of the language")
    if isinstance(value, (str, int, float, Fraction)):
        return str(value)
    if hasattr(value, "__index__"):  # the whole numbers of other libraries, whose arrays have it as well
        with contextlib.suppress(TypeError):
            return str(operator.index(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join([_in_language(name, inner, depth + 1) for inner in value])}]"
    raise ValueError(f"{name}={value!r} is not a value of the language: give a number, a text or a list of these")


class Compiled:
    """A compiled model: its graph, its cost, and the code that it is written as."""

    def __init__(self, compilation: CompiledModel, about: About) -> None:
        self.compilation = compilation
        self.network = compilation.network
        self.about = about

    @property
    def name(self) -> str:
        """The name of the emitted module."""
        return self.about.name

    @property
    def hash(self) -> str:
        """The digest of what the network computes."""
        return self.network.hash

    @property
    def diagnostics(self) -> Diagnostics:
        """What was said of it: claims that do not hold, for example."""
        return self.compilation.diagnostics

    @cached_property
    def cost(self) -> Cost:
        """Exact counts in the convention of the papers: flops are multiply-adds."""
        return count(self.network)

    def count(self, convention: Convention | str) -> Cost:
        """Exact counts in another convention, for example "fvcore"."""
        if not isinstance(convention, str | Convention):
            raise ValueError(f"{convention!r} is not the name of a convention; there are {', '.join(CONVENTIONS)}")
        if isinstance(convention, str) and convention not in CONVENTIONS:
            raise ValueError(f"there is no convention {convention!r}; there are {', '.join(CONVENTIONS)}")
        return count(self.network, convention)

    @cached_property
    def graph(self) -> networkx.MultiDiGraph[int]:
        """The graph of primitive operations for networkx: see `Network.graph`."""
        return self.network.graph()

    def emit(self, *targets: str) -> dict[str, str]:
        """The files of targets by name: torch, train, json, dot, svg, inference, which is two files, and package, which
        is a folder of files by their paths in it; with inference beside it, that form stands in the package.

        Raises ValueError for a target that there is not, and for a package under a name that none can have.
        """
        known = (*emission.TARGETS, emission.INFERENCE, emission.PACKAGE)
        unknown = [target for target in targets if not isinstance(target, str) or target not in known]
        if unknown:
            raise ValueError(f"there is no target {unknown[0]!r}; there are {', '.join(known)}")
        return {
            name: text
            for name, (_, text) in emission.emit(self.network, self.about, targets, self.compilation.recipe).items()
        }

    @cached_property
    def source(self) -> str:
        """The text of the standalone PyTorch module."""
        text: str = self.emit("torch")[f"{self.name}.py"]
        return text

    @cached_property
    def python(self) -> ModuleType:
        """The emitted text as a Python module, executed."""
        digest = hashlib.sha256(self.source.encode()).hexdigest()
        return _executed(f"archdsl_emitted_{digest[:16]}_{self.name}", self.source)

    def inference_module(self, state: Mapping[str, Tensor], **arguments: Any) -> nn.Module:
        """The network for inference as a live `nn.Module` in evaluation mode: batch norms folded, branches merged,
        laid out channels last. `state` is the `state_dict` of the training form, which `module` gives; arguments are
        those of the class. The text is that of `emit("inference")`.

        Raises RuntimeError, as PyTorch does, where the weights are those of another network.
        """
        text = self.emit(emission.INFERENCE)[f"{self.name}{SUFFIX}.py"]
        digest = hashlib.sha256(text.encode()).hexdigest()
        python = _executed(f"archdsl_emitted_{digest[:16]}_{self.name}{SUFFIX}", text)
        made: nn.Module = getattr(python, inference_class(self.about))(**arguments)
        made.load_state_dict(python.from_training(state))
        return made.eval()

    def module(self, **arguments: Any) -> nn.Module:
        """The network as a live `nn.Module`, from the emitted text; arguments are those of its class.

        Raises ValueError for a value that an argument cannot have, and TypeError for an argument that the class does
        not take.
        """
        interface = emission.interface(self.network, self.about)
        _check_arguments(interface, arguments)
        try:
            made: nn.Module = getattr(self.python, interface.class_name)(**arguments)
        except RuntimeError as error:  # a map becomes smaller than a window
            if "image_size" not in arguments:
                raise
            raise ValueError(f"the network takes no images of image_size={arguments['image_size']}: {error}") from error
        return made

    def plot(self, kind: str = "widths", *others: Compiled, **options: Any) -> Picture:
        """A picture of it, beside others if they are given: "widths", "channels" or "stages", as `archdsl plot` draws.

        Options are those of the command: `fit=False`, `log=True`, `shares=True`, `convention="fvcore"`. Raises
        ValueError for a kind or option that there is not, and where there is nothing to draw.
        """
        from archdsl.pictures import picture_of

        every = (self, *others)
        if not all(isinstance(each, Compiled) for each in every):
            raise TypeError("plot() takes networks, as archdsl.compile returns them")
        return picture_of(kind, [(each.name, each.about.spec, each.compilation) for each in every], options)

    def _repr_html_(self) -> str:
        from archdsl.views.notebook import network_html

        return network_html(self.compilation, self.cost, self.emit("svg")[f"{self.name}.svg"])

    def __eq__(self, other: object) -> bool:
        """Whether another is written as the same files: the same network, names, words and recipe."""
        if not isinstance(other, Compiled):
            return NotImplemented
        mine, its = self.compilation.recipe, other.compilation.recipe
        return (self.network, self.about, mine) == (other.network, other.about, its)

    def __hash__(self) -> int:
        return hash((self.hash, self.name))

    def __repr__(self) -> str:
        cost = self.cost
        return (
            f"<{self.name}: {show_shape(self.network.input)}, {len(self.network.nodes)} operations, "
            f"{cost.flops:,} multiply-adds, {cost.params:,} params, {cost.acts:,} acts, hash {self.hash[:12]}>"
        )


def _check_arguments(interface: Interface, arguments: Mapping[str, Any]) -> None:
    """Refuse numbers that PyTorch would refuse later, or in other words. The emitted class asks of `num_classes`."""
    if interface.takes_channels and "in_channels" in arguments:
        channels = arguments["in_channels"]
        if not _is_count(channels):
            raise ValueError(f"in_channels must be an int >= 1, not {channels!r}")
    if interface.drop_path_rate is not None and "drop_path_rate" in arguments:
        rate = arguments["drop_path_rate"]
        if not isinstance(rate, (int, float)) or isinstance(rate, bool) or not 0 <= rate <= 1:
            raise ValueError(f"drop_path_rate must be a number of 0 to 1, not {rate!r}")
    if interface.sizes_padding and "image_size" in arguments:
        size = arguments["image_size"]
        if not isinstance(size, tuple) or len(size) != 2 or not all(map(_is_count, size)):
            raise ValueError(f"image_size must be a tuple (height, width) of ints >= 1, not {size!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


class _Text(importlib.abc.ExecutionLoader):
    """Loads a module from a text; tracebacks and `inspect` see its lines."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - there is one text
        return self.text

    def get_filename(self, fullname: str) -> str:
        return f"<{fullname}>"


_EXECUTING = RLock()
"""Held while a text is executed: no thread sees a module that is half made."""


def _executed(name: str, text: str) -> ModuleType:
    with _EXECUTING:
        return _known_or_executed(name, text)


def _known_or_executed(name: str, text: str) -> ModuleType:
    known = sys.modules.get(name)
    if known is not None:  # the name tells the text
        return known  # one class for all instances, which pickle asks for
    loader = _Text(text)
    path = loader.get_filename(name)
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ImportError(f"{name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickle and torch look classes up there
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


__all__ = ["CompileError", "Compiled", "compile", "compile_text"]
