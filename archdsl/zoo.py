"""The networks that ship with archdsl, by name: which file below `specs/` declares one.

A network is named by its file and its name, `specs/family.arch:net`, or by its name alone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from archdsl.diagnostics import Diagnostic, Fault
from archdsl.records import dataclass
from archdsl.resources import data_root, read_data, spec_files
from archdsl.source import Source, Span

STDIN = "-"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WITH_MODEL = re.compile(r"(.+):([A-Za-z_][A-Za-z0-9_]*)", re.DOTALL | re.ASCII)
_DECLARED = re.compile(r"^\s*(?:model\s+|\|\s*)([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE | re.ASCII)
"""A model, or the first cell of a table's row, which in a table of instances is its name."""

_SPACE = re.compile(r"^space\s+([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE | re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a model is: a file, the model that was named with it, and how both are written down for others."""

    file: str
    model: str | None
    shown: str


def declared() -> dict[str, str]:
    """Names that may be those of shipped models, each with its file. Found in the text, without compiling."""
    found: dict[str, str] = {}
    for path in spec_files():
        for name in declared_in(path):
            found.setdefault(name, path)
    return found


def declared_in(path: str) -> list[str]:
    """Names that may be those of models of a shipped file; each model's is among them."""
    return _DECLARED.findall(read_data(path))


def declared_spaces() -> dict[str, str]:
    """Names that may be those of shipped spaces, each with its file. Found in the text, without compiling."""
    found: dict[str, str] = {}
    for path in spec_files():
        for name in _SPACE.findall(read_data(path)):
            found.setdefault(name, path)
    return found


def families() -> dict[str, list[str]]:
    """Families, which are the folders of `specs/`, with their files. A file beside them is of the family whose files
    use it, the first of them."""
    paths = spec_files()
    found: dict[str, list[str]] = {}
    for path in paths:
        _, *folders, _ = path.split("/")
        if folders:
            found.setdefault(folders[0], []).append(path)
    for path in paths:
        if path.count("/") == 1:
            users = [folder for folder, inside in found.items() if any(_uses(user, path) for user in inside)]
            found.setdefault(min(users, default="others"), []).append(path)
    return {family: sorted(found[family]) for family in sorted(found)}


def _uses(user: str, path: str) -> bool:
    return f'"../{path.removeprefix("specs/")}"' in read_data(user)


def locate(text: str) -> Place:
    """The place that a user names: a file, `FILE:MODEL`, or a shipped network. Raises `Fault`."""
    named = _NAME.fullmatch(text) is not None and text in declared()
    if text == STDIN or (os.path.lexists(text) and not (named and os.path.isdir(text))):
        return Place(text, None, text)
    found = _WITH_MODEL.fullmatch(text)
    file, model = (found[1], found[2]) if found is not None else (text, None)
    if file in spec_files() and not os.path.lexists(file):
        return Place(opened(file), model, text)  # as `archdsl zoo` names it
    if found is not None:
        return Place(file, model, text)
    if _NAME.fullmatch(text) is None:
        _say_where(text)
        return Place(text, None, text)
    known = declared()
    if text not in known:
        from archdsl.analysis.names import did_you_mean

        other = "name a file, FILE:MODEL, or one that `archdsl zoo` lists"
        help_ = did_you_mean(text, known, otherwise=other).help
        where = Span(Source(text, ""), 0, 0)
        raise Fault(Diagnostic("E110", "there is no such file, and no shipped network of that name", where, help=help_))
    return Place(opened(known[text]), text, f"{known[text]}:{text}")


def locate_space(text: str) -> Place:
    """The place of a space that a user names: a file, `FILE:NAME`, or a shipped space. Raises `Fault`."""
    if _NAME.fullmatch(text) is None or os.path.lexists(text):
        return locate(text)
    known = declared_spaces()
    if text not in known:
        from archdsl.analysis.names import did_you_mean

        help_ = did_you_mean(text, known, otherwise="name a file, FILE:NAME, or a space that ships").help
        where = Span(Source(text, ""), 0, 0)
        raise Fault(Diagnostic("E110", "there is no such file, and no shipped space of that name", where, help=help_))
    return Place(opened(known[text]), text, f"{known[text]}:{text}")


def _say_where(text: str) -> None:
    """Of a file that is not there, but whose name is that of a shipped network: say where that is."""
    name = Path(text).name.removesuffix(".arch")
    path = declared().get(name) if text.endswith(".arch") and _NAME.fullmatch(name) else None
    if path is not None:
        where = Span(Source(text, ""), 0, 0)
        help_ = f"write `{name}`"
        raise Fault(Diagnostic("E110", f"there is no such file; `{name}` stands in {path}", where, help=help_))


def opened(path: str) -> str:
    """A shipped file as it is opened: from the current folder where it lies below it."""
    full = data_root() / path
    try:
        here = Path(os.path.realpath("."))
    except OSError:  # the current folder is gone
        return full.as_posix()
    real = Path(os.path.realpath(full))
    return real.relative_to(here).as_posix() if real.is_relative_to(here) else full.as_posix()


__all__ = ["Place", "declared", "declared_in", "declared_spaces", "families", "locate", "locate_space", "opened"]
