"""The PyTorch backend: a network as one standalone module that reads as if written by hand.

    forms       how each operation is written: a row an operation
    lowering    the steps that PyTorch needs for it
    bodies      the applications of blocks, in PyTorch's terms
    union       bodies of one block as one program
    parameters  what a class takes, and what stands for every argument
    names       what the names of a block's text are in the constructor
    rules       arithmetic of a block's text that the class has too
    widths      the channels of every value, in the terms of the constructor
    following   what is equal in all bodies, where the text does not say why
    conditions  when a step is there
    classes     all blocks of a network as classes
    forward     `forward` as statements
    boxes       the tree of modules that the paths make
    write       a class as a tree of Python
    model       the class of the network
    python      the tree
    printer     the tree as text

Everything is derived from the graph, and checked on every application of a block: the text does what the graph says.
"""

from __future__ import annotations

from collections.abc import Collection

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.torch.classes import Plan, class_of_model, plan_of
from archdsl.backends.torch.header import header_lines
from archdsl.backends.torch.initializers import init_function
from archdsl.backends.torch.model import ModelWriter, model_class, options_of, outputs_class
from archdsl.backends.torch.printer import lines
from archdsl.backends.torch.python import names
from archdsl.backends.torch.templates import EXTRAS, extra, module_text
from archdsl.backends.torch.write import class_of
from archdsl.graph.network import Network
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """What makes a module that of a network as it is trained, or another."""

    channels_last: bool = False
    notes: tuple[str, ...] = ()
    """Paragraphs for its header."""
    texts: tuple[str, ...] = ()
    """What stands behind its classes, and the imported names that it reads."""
    read: frozenset[str] = frozenset()
    training_hash: str = ""
    """The digest of the network that it was made of."""


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a module, and the names that it reads: those of `EXTRAS` that it has, and what it imports."""

    text: str
    names: frozenset[str]


def emit(network: Network, about: About, plan: Plan | None = None, form: Form | None = None) -> dict[str, str]:
    """`name.py`: the module. A plan that is given is that of `planned`; a form says what else stands in the file."""
    return {f"{about.name}.py": written(network, about, plan, form).text}


def written(network: Network, about: About, plan: Plan | None = None, form: Form | None = None) -> Written:
    """The module of `emit`."""
    plan, form = plan or planned(network, about), form or Form()
    operations = frozenset(node.operation.name for node in network.nodes)
    zeros = any(dict(node.operation.constants).get("zero_init") for node in network.nodes)
    start = init_function(about.init, operations, zeros)
    blocks = [class_of(plan, block) for _, block in sorted(plan.classes.items())]
    shared, last = about.drop_path_rate, form.channels_last
    model = model_class(plan, about.doc, init=start is not None, shared=shared, channels_last=last)
    given = [each for each in (start, *blocks, outputs_class(network)) if each is not None]
    statements = [*given, model]
    read = _read(names(*statements) | form.read)
    settings = {"Stage": {"enter": ModelWriter(plan).entered}, "check_classes": {"features": plan.gives_features}}
    extras = [extra(name, **settings.get(name, {})) for name in EXTRAS if name in read]
    text = module_text(
        header=_joined(header_lines(network, about, form.notes)),
        imports=_joined(_imports(read)),
        hash=network.hash,
        training_hash=form.training_hash,
        body="\n\n\n".join([*extras, *["\n".join(lines(statement)) for statement in statements], *form.texts]),
        version=__version__,
    )
    return Written(text, read)


def interface(network: Network, about: About, plan: Plan | None = None) -> Interface:
    """What the emitted module's class takes."""
    plan = plan or planned(network, about)
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


def planned(network: Network, about: About) -> Plan:
    """The classes; that of the network is spelled as its comment, or what was asked of it, spells the words.

    Making it is most of the work of `emit` and of `interface`: who asks for both makes one.
    """
    return plan_of(network, about.name, _words(about))


def model_class_name(about: About) -> str:
    """The name of the network's class, for which no plan has to be made."""
    return class_of_model(about.name, _words(about))


def _words(about: About) -> str:
    return " ".join([about.doc, *about.changes])


def _joined(lines: Collection[str]) -> str:
    return "".join([f"{line}\n" for line in lines])


def _read(named: frozenset[str]) -> frozenset[str]:
    """The names that are read in classes of these names, and in what they need of `EXTRAS`."""
    while more := frozenset([each for name in named for each in EXTRAS.get(name, ())]) - named:
        named |= more
    return named


def _imports(read: frozenset[str]) -> list[str]:
    """The import lines for the names that are read, sorted as isort sorts them."""
    lines = ["import math"] if "math" in read else []
    lines += ["import re"] if "re" in read else []
    lines += ["from collections import OrderedDict"] if "OrderedDict" in read else []
    abstract = [name for name in ("Callable", "Mapping") if name in read]
    lines += [f"from collections.abc import {', '.join(abstract)}"] if abstract else []
    typing = [name for name in ("Any", "ClassVar", "NamedTuple") if name in read]
    lines += [f"from typing import {', '.join(typing)}"] if typing else []
    lines += [""] if lines else []
    lines += ["import torch"] if "torch" in read else []
    lines += ["import torch.nn.functional as F"] if "F" in read else []
    return [*lines, "from torch import Tensor, nn"]


__all__ = ["Form", "Plan", "Written", "emit", "interface", "model_class_name", "planned", "written"]
