"""The modules that the nodes of an ONNX file stood in, as PyTorch's exporters tell them."""

from __future__ import annotations

import ast
import re
from typing import Any

from archdsl.lifting.lifted import Modules, common_modules


def scopes_of(graph: Any) -> list[Modules]:
    """The modules of each node. One of which nothing is told, as exporters leave it where they merge nodes, stands
    where the nodes before it and those behind it do."""
    told = [_modules(node) for node in graph.node]
    makers = {name: at for at, node in enumerate(graph.node) for name in node.output}
    takers: dict[int, list[int]] = {}
    for at, node in enumerate(graph.node):
        for name in node.input:
            if name in makers:
                takers.setdefault(makers[name], []).append(at)
    for at, node in enumerate(graph.node):
        if not told[at]:
            before = [told[makers[name]] for name in node.input if name in makers]
            found = [one for one in [*before, *[told[taker] for taker in takers.get(at, ())]] if one]
            told[at] = common_modules(found) if any(before) else ()
    return told


def _modules(node: Any) -> Modules:
    told = {entry.key: entry.value for entry in getattr(node, "metadata_props", ())}
    scopes, classes = (_listed(told.get(f"pkg.torch.onnx.{key}", "")) for key in ("name_scopes", "class_hierarchy"))
    if scopes and len(scopes) == len(classes):
        pairs = list(zip(scopes, classes, strict=True))[:-1]
        return tuple([(path, name.rpartition(".")[2]) for path, name in pairs if path])
    found = []
    path = ""
    for part in [part for part in node.name.split("/")[:-1] if part]:
        own = _own(part, path)
        listed = path.rpartition(".")[2]
        path = f"{path}.{own}" if path else part
        found.append((path, _class(own, listed)))
    return tuple(found)


def _class(own: str, listed: str) -> str:
    """A name for the class of a module, which such a file does not tell: that of its place, for one of a list the
    singular of the list's."""
    first, _, number = own.rpartition(".")
    named = re.sub(r"[\d.]+", "", first or own)
    if own.isdecimal() or number.isdecimal():
        named = re.sub(r"[\d.]+", "", first or listed)
        return f"{named.removesuffix('s') or 'one'}_module"
    return named or "module"


def _own(part: str, path: str) -> str:
    """The name of a module in the one that it stands in: PyTorch tells `blocks.0` in `blocks`, `0` in `blocks.0`."""
    words = path.split(".") if path else []
    for at in range(len(words)):
        before = ".".join(words[at:]) + "."
        if part.startswith(before):
            return part[len(before) :]
    return part


def _listed(text: str) -> list[str]:
    """A list of strings as Python writes it."""
    if not text or len(text) > 10_000:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


__all__ = ["scopes_of"]
