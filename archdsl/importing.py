"""What `archdsl import` opens: a library's model, a file of code, or an exported program.

Code runs for the sources that are code, and for no others: a file that holds a program is read as data.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl import api, emission
from archdsl.compiler import Compiled, Compiler
from archdsl.graph.shapes import show_shape
from archdsl.lifting.capture import CaptureFault, exported, program_of
from archdsl.lifting.imported import Imported, Program, Shipped, import_program
from archdsl.lifting.operators import declare
from archdsl.lifting.words import RESERVED
from archdsl.onnxmodels import ONNX_SUFFIX
from archdsl.project import Project
from archdsl.quiet import reason
from archdsl.records import dataclass
from archdsl.suggest import did_you_mean

DEFAULT_SIZE = (3, 224, 224)
PROOF = ((96, 128), (125, 161), (128, 160))
"""Heights and widths of the images of a proof: small ones, no squares, and where a source takes it one that no stride
divides. A source for one size is compared at that."""


SEED = 0
"""Of the numbers that a module starts with: what is read off them is the same each time."""
MADE_ALREADY = "--with goes to what makes a module, and this is made already"


class ImportFault(Exception):
    """A source that cannot be imported, in one line."""


@dataclass(frozen=True)
class Asked:
    """What is imported, and how."""

    source: str
    input: tuple[int, int, int] | None = None
    name: str | None = None
    arguments: Mapping[str, object] | None = None
    """For what makes the module."""
    partly: bool = False
    """Whether what can be lifted is written where something cannot."""
    plain: bool = False
    """Whether all blocks are the text's own, and none the library's."""


def run_import(
    asked: Asked,
    shipped: Callable[[int], Sequence[Shipped]],
    shipped_folded: Callable[[str], Sequence[str]] = lambda _: (),
) -> Imported:
    """Open, lift, write and prove; the others as `import_program`. Raises `ImportFault`."""
    try:
        program, size = opened(asked)
    except CaptureFault as fault:
        raise ImportFault(f"{asked.source}: {fault}") from None
    first, odd, even = [(size[0], *places) for places in PROOF]
    sizes = ((first, size), (odd, even, size))
    try:
        return import_program(
            program,
            Compiler(Project("text.arch")),
            shipped,
            emitted,
            sizes,
            asked.partly,
            plain=asked.plain,
            shipped_folded=shipped_folded,
        )
    except CaptureFault as fault:
        raise ImportFault(f"{asked.source}: {fault}") from None


def emitted(compiled: Compiled) -> Any:
    """The emitted module, live."""
    return api.Compiled(compiled, emission.about_of(compiled, compiled.name, "", ())).module()


def runs_code(source: str) -> bool:
    """Whether a source is code."""
    return source.startswith(("timm:", "torchvision:", "module:"))


def opened(asked: Asked) -> tuple[Program, tuple[int, int, int]]:
    """The program of a source, and the size of its images. Raises `ImportFault`."""
    kind, _, rest = asked.source.partition(":")
    openers: dict[str, Callable[[Asked, str], tuple[Any, tuple[int, int, int]]]] = {
        "timm": _timm,
        "torchvision": _torchvision,
        "module": _file,
    }
    code = kind in openers and bool(rest)
    if not code and not asked.source.endswith((".pt2", ONNX_SUFFIX)):
        raise ImportFault(
            f"{asked.source}: this is no source; give timm:NAME, torchvision:NAME, module:FILE.py:FUNCTION, a .pt2 or "
            "an .onnx file"
        )
    if importlib.util.find_spec("torch") is None:
        raise ImportFault("import needs torch, which is not installed: pip install 'archdsl[torch]'")
    if code:
        module, size = openers[kind](asked, rest)
        size = asked.input or size
        return _of_module(asked, module, size, _name(asked, rest)), size
    if asked.arguments:
        raise ImportFault(f"{asked.source}: {MADE_ALREADY}")
    name = _name(asked, Path(asked.source).stem)
    if asked.source.endswith(ONNX_SUFFIX):
        from archdsl.lifting.onnxfiles import open_onnx

        return open_onnx(asked.source, name, asked.input)
    from archdsl.lifting.archives import open_archive

    program, size = open_archive(asked.source, name)
    if asked.input not in (None, size):
        raise ImportFault(f"{asked.source}: it is for images of {show_shape(size)}, and --input is another size")
    return program, size


def model_named(asked: Asked) -> str:
    """The name of the model. Raises `ImportFault` for one that is none of the language."""
    if asked.name is not None:
        if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", asked.name, re.ASCII) is None:
            raise ImportFault(f"{asked.name!r} is no name; it has letters, digits and underscores")
        if asked.name in RESERVED:
            raise ImportFault(f"{asked.name!r} is a word of the language")
        return asked.name
    kind, _, rest = asked.source.partition(":")
    return _name(asked, rest if runs_code(asked.source) and kind else Path(asked.source).stem)


def _name(asked: Asked, text: str) -> str:
    if asked.name is not None:
        return asked.name
    found = re.sub(r"\W+", "_", text.rpartition(":")[2], flags=re.ASCII).strip("_").lower()
    return found if re.match("[a-z_]", found) else f"net_{found}"


def _of_module(asked: Asked, module: Any, size: tuple[int, int, int], name: str) -> Program:
    import torch

    if not isinstance(module, torch.nn.Module):
        raise ImportFault(f"{asked.source}: it gives {type(module).__name__}, and no torch.nn.Module")
    if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
        raise ImportFault(f"{asked.source}: its tensors hold no numbers: they are on the device meta")
    module = module.eval()
    try:
        program = exported(_copied(module), size)
    except CaptureFault as fault:
        raise ImportFault(f"{asked.source}: {fault}") from None

    def run(numbers: Mapping[str, Any]) -> Callable[[Any], Any]:
        made: Callable[[Any], Any] = module.double()
        with torch.no_grad():
            for name, tensor in module.state_dict().items():
                if name in numbers:
                    tensor.copy_(numbers[name])
        return made

    return program_of(asked.source, name, program, run)


def _copied(module: Any) -> Any:
    """A copy to follow: some modules keep, from a first call on, what they worked out of their numbers."""
    try:
        return copy.deepcopy(module)
    except Exception:  # a stranger's module that cannot be copied
        return module


def _library(name: str) -> Any:
    """A library of the user's. Raises `ImportFault` where it is not there, or does not load."""
    if importlib.util.find_spec(name) is None:
        raise ImportFault(f"{name} is not installed: pip install {name}")
    declare()
    try:
        return importlib.import_module(name)
    except Exception as fault:  # whatever a library raises that does not fit the others
        raise ImportFault(f"{name} does not load: {type(fault).__name__}: {reason(fault)}") from None


def _timm(asked: Asked, name: str) -> tuple[Any, tuple[int, int, int]]:
    timm = _library("timm")
    if not timm.is_model(name):
        raise ImportFault(
            f"timm has no model {name}; {did_you_mean(name, timm.list_models(), otherwise='see timm.list_models()')}"
        )
    module = _made(asked, lambda: timm.create_model(name, pretrained=False, **(asked.arguments or {})))
    channels, height, width = map(int, module.default_cfg.get("input_size", DEFAULT_SIZE))
    return module, (channels, height, width)


def _torchvision(asked: Asked, name: str) -> tuple[Any, tuple[int, int, int]]:
    _library("torchvision")
    models = importlib.import_module("torchvision.models")
    known = models.list_models()
    if name not in known:
        raise ImportFault(
            f"torchvision has no model {name}; {did_you_mean(name, known, otherwise='see its list_models()')}"
        )
    takes = inspect.signature(models.get_model_builder(name)).parameters
    plain = {"weights": None} | ({"weights_backbone": None} if "weights_backbone" in takes else {})
    module = _made(asked, lambda: models.get_model(name, **plain, **(asked.arguments or {})))
    crop = getattr(getattr(models.get_model_weights(name), "DEFAULT", None), "transforms", None)
    side = getattr(crop, "keywords", {}).get("crop_size", DEFAULT_SIZE[1])
    return module, (3, side, side)


def _file(asked: Asked, rest: str) -> tuple[Any, tuple[int, int, int]]:
    path, _, name = rest.rpartition(":")
    if not path or not name.isidentifier():
        raise ImportFault(f"{asked.source}: write module:FILE.py:FUNCTION")
    file = Path(path)
    if not file.is_file():
        raise ImportFault(f"{path}: there is no such file")
    spec = importlib.util.spec_from_file_location(f"archdsl_imported_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportFault(f"{path}: this is no file of Python")
    code = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = code
    sys.path.insert(0, str(file.resolve().parent))
    try:
        loader = spec.loader
        _made(asked, lambda: loader.exec_module(code))
        factory = getattr(code, name, None)
        if not callable(factory):
            raise ImportFault(f"{path}: it has no function {name}")
        if isinstance(factory, type) or not hasattr(factory, "forward"):
            return _made(asked, lambda: factory(**(asked.arguments or {}))), DEFAULT_SIZE
        if asked.arguments:
            raise ImportFault(f"{asked.source}: {MADE_ALREADY}")
        return factory, DEFAULT_SIZE
    finally:
        sys.path.remove(str(file.resolve().parent))


def _made(asked: Asked, make: Callable[[], Any]) -> Any:
    """What foreign code makes, with the same random numbers each time; what it raises is a fault of the source."""
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return make()
    except (Exception, SystemExit) as fault:
        raise ImportFault(f"{asked.source}: {type(fault).__name__}: {reason(fault)}") from None
