"""The PyTorch backend: a network as one standalone module that reads as if written by hand.

    bodies      the applications of blocks, in PyTorch's terms
    union       bodies of one block as one program
    parameters  what a class takes, and what stands for every argument
    classes     all blocks of a network as classes
    forward     `forward` as statements
    write       a class as text
    model       the class of the network
    layout      long lines broken as ruff breaks them

Everything is derived from the graph, and checked on every application of a block: the text does what the graph says.
"""

from __future__ import annotations

import io
import tokenize
from itertools import pairwise

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.torch.classes import Plan, plan_of
from archdsl.backends.torch.header import header_lines
from archdsl.backends.torch.layout import joined
from archdsl.backends.torch.model import ModelWriter, model_lines, options_of
from archdsl.backends.torch.starts import starts_lines
from archdsl.backends.torch.templates import module_text, part
from archdsl.backends.torch.terms import PARTS
from archdsl.backends.torch.write import class_lines
from archdsl.graph.network import Network

NEEDS = {"SameAvgPool2d": ("SamePad2d",), "SamePad2d": ("pair", "fit_padding")}


def emit(network: Network, about: About) -> dict[str, str]:
    """`name.py`: the module."""
    plan = plan_of(network, about.name)
    blocks = [class_lines(plan, plan.classes[number]) for number in sorted(plan.classes)]
    operations = frozenset(node.operation.name for node in network.nodes)
    zeros = any(dict(node.operation.constants).get("zero_init") for node in network.nodes)
    starts = starts_lines(about.init, operations, zeros)
    model = model_lines(plan, about.doc, starts=bool(starts), shared=about.drop_path_rate)
    functions = [starts] if starts else []
    body = "\n\n\n".join([joined(lines).rstrip("\n") for lines in [*functions, *blocks, model]])
    used = _parts_used(body)
    settings = {"Stage": {"enter": ModelWriter(plan).entered}, "check_classes": {"features": plan.gives_features}}
    parts = [part(name, **settings.get(name, {})) for name in PARTS if name in used]
    text = module_text(
        header=joined(header_lines(network, about)),
        imports=_imports("\n".join([body, *parts])),
        hash=network.hash,
        body="\n\n\n".join([*parts, body]),
        version=__version__,
    )
    return {f"{about.name}.py": text}


def interface(network: Network, about: About) -> Interface:
    """What the emitted module's class takes."""
    plan = plan_of(network, about.name)
    options = options_of(plan, about.drop_path_rate)
    rate = options.drop_path_rate
    return Interface(
        class_name=plan.name,
        num_classes=int(network.nodes[plan.classifier].shapes[0][0]) if plan.classifier is not None else None,
        takes_classes=plan.takes_classes,
        in_channels=int(network.input[0]),
        takes_channels=plan.takes_channels,
        drop_path_rate=float(rate) if rate is not None else None,
        image_size=(int(network.input[1]), int(network.input[2])),
        sizes_padding=options.image_size is not None,
    )


def _names(text: str) -> set[str]:
    """The names that a Python text reads: no attributes, and no arguments' names.

    By words, since CPython's `ast.parse` may fail where threads call it at once.
    """
    words = list(tokenize.generate_tokens(io.StringIO(text).readline))
    found = {word.string for word in words[:1] if word.type == tokenize.NAME}
    for (before, word), (_, after) in pairwise(pairwise(words)):
        named = after.string == "=" and after.start == word.end  # an argument's name, as `stride=2` is written
        if word.type == tokenize.NAME and before.string != "." and not named:
            found.add(word.string)
    return found


def _parts_used(body: str) -> set[str]:
    found = _names(body).intersection(PARTS)
    while more := {name for part in found for name in NEEDS.get(part, ())} - found:
        found |= more
    return found


def _imports(text: str) -> str:
    """The import lines that a text needs, sorted as isort sorts them."""
    names = _names(text)
    lines = ["import math"] if "math" in names else []
    lines += ["from collections import OrderedDict"] if "OrderedDict" in names else []
    lines += ["from collections.abc import Callable"] if "Callable" in names else []
    lines += ["from typing import ClassVar"] if "ClassVar" in names else []
    lines += [""] if lines else []
    lines += ["import torch"] if "torch" in names else []
    lines += ["import torch.nn.functional as F"] if "F" in names else []
    lines.append("from torch import Tensor, nn")
    return joined(lines)


__all__ = ["Plan", "emit", "interface"]
