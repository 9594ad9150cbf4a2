"""What an emitted training entry point says of itself, read from its text: its options, and what it imports.

The script is neither imported nor run for it: that takes seconds and PyTorch. So a wrong option is known before
anything is written, and the settings of a run can be written down and compared.
"""

from __future__ import annotations

import argparse
import ast
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from archdsl.once import parse_python
from archdsl.records import dataclass

Settings = dict[str, Any]
KINDS = {"int": int, "float": float}
"""Annotation of an option -> what its text becomes; all others stay text."""
NUMBERS = {"int": "whole number", "float": "number"}
PATHS = ("data", "val_data", "weights", "evaluate")
"""The options that are paths, from the folder where the command was given."""


class OptionFault(Exception):
    """An option that the entry point does not take, or not so."""


@dataclass(frozen=True)
class Option:
    """A setting of the script that is an option of its command line."""

    default: Any
    kind: str
    """`bool` is a switch."""
    text: str
    bounds: tuple[float, float] | None = None
    """The least and the largest number that it takes."""

    def add_to(self, parser: argparse.ArgumentParser, name: str) -> None:
        absent = argparse.SUPPRESS
        if self.kind == "bool":
            switch = argparse.BooleanOptionalAction
            parser.add_argument(flag(name), action=switch, default=absent, help=_escaped(self.text))
        else:
            text = f"{self.text} ({self.default})" if self.default is not None else self.text
            parser.add_argument(flag(name), type=self._reader(), default=absent, help=_escaped(text.strip()))

    def wrong(self, text: str) -> str | None:
        """Why a text is no value of the option; none where it is one."""
        try:
            self._reader()(text)
        except argparse.ArgumentTypeError as error:
            return str(error)
        except ValueError:
            return f"{text} is no {NUMBERS.get(self.kind, 'value')}"
        return None

    def _reader(self) -> Callable[[str], Any]:
        """What makes the value of a text, as the script does. argparse says its name of a text that is none."""
        kind = KINDS.get(self.kind, str)
        if self.bounds is None:
            return kind
        low, high = self.bounds

        def read(text: str) -> Any:
            value = kind(text)
            if not low <= value <= high:  # nor is what is no number
                raise argparse.ArgumentTypeError(f"{text} is not in {low:g} to {high:g}")
            return value

        read.__name__ = kind.__name__
        return read


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


class _Parser(argparse.ArgumentParser):
    """Whole names only; a wrong one is told the right one."""

    def error(self, message: str) -> NoReturn:
        raise OptionFault(f"{self.prog}: {message}; see -- --help")

    def read(self, words: Sequence[str]) -> Settings:
        found, unknown = self.parse_known_args(words)
        if unknown:
            from archdsl.suggest import nearest

            known = [name for action in self._actions for name in action.option_strings]
            guess = nearest(unknown[0].partition("=")[0], known)
            hint = f": did you mean {guess}?" if guess else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return vars(found)


@dataclass(frozen=True)
class EntryPoint:
    """An emitted script. `free` are the settings that may change when a run goes on."""

    name: str
    options: Mapping[str, Option]
    free: frozenset[str]
    imports: tuple[str, ...]
    """Libraries that it cannot start without."""

    @staticmethod
    def of(name: str, text: str) -> EntryPoint:
        """The script of that file name and text. Raises `ValueError` where it is none."""
        tree = parse_python(text)
        options = _options(tree)
        if "out" not in options:
            raise ValueError(f"{name} is no training entry point")
        module = name.removeprefix("train_").removesuffix(".py")
        return EntryPoint(name, options, _free(tree), tuple([name for name in _imports(tree) if name != module]))

    @property
    def defaults(self) -> Settings:
        return {name: option.default for name, option in self.options.items() if name != "out"}

    def given(self, words: Sequence[str]) -> Settings:
        """The settings of a command line, by name. Raises `OptionFault`."""
        parser = _Parser(prog=self.name, usage="archdsl train FILE -- [OPTION]...", allow_abbrev=False)
        for name, option in self.options.items():
            option.add_to(parser, name)
        return parser.read(list(words))


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def words_of(given: Mapping[str, Any]) -> list[str]:
    """Settings as a command line."""
    found = []
    for name, value in given.items():
        if isinstance(value, bool):
            found.append(flag(name) if value else flag(f"no_{name}"))
        else:
            found.append(f"{flag(name)}={value}")
    return found


def _options(tree: ast.Module) -> dict[str, Option]:
    """The fields of its settings that are given by `option(default, kind, text)`."""
    found = {}
    ranges = _Ranges(tree)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    for node in classes[0].body if classes else ():
        match node:
            case ast.AnnAssign(
                target=ast.Name(id=name),
                annotation=annotation,
                value=ast.Call(func=ast.Name(id="option"), args=[default, kind, *rest]),
            ):
                plain = ast.unparse(annotation).split(" |")[0]
                switch = isinstance(kind, ast.Name) and kind.id == "bool"
                text = _literal(rest[0]) if rest else ""
                found[name] = Option(_literal(default), "bool" if switch else plain, text, ranges.of(kind))
    return found


class _Ranges:
    """The ranges of numbers that the script makes by `between(kind, low, high)`, and the names that it gives some."""

    def __init__(self, tree: ast.Module) -> None:
        self._named: dict[str, tuple[float, float] | None] = {}
        self._high = math.inf
        for node in tree.body:
            match node:
                case ast.FunctionDef(name="between", args=ast.arguments(defaults=[high])):
                    self._high = _literal(high)
                case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                    names = [target.id if isinstance(target, ast.Name) else "" for target in targets]
                    self._named |= dict(zip(names, map(self.of, values), strict=False))

    def of(self, kind: ast.expr) -> tuple[float, float] | None:
        """The range that what reads an option is of; none where it reads no number, or any."""
        match kind:
            case ast.Name(id=name):
                return self._named.get(name)
            case ast.Call(func=ast.Name(id="between"), args=[_, low, *high]):
                return _literal(low), _literal(high[0]) if high else self._high
        return None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:  # one that is computed
        return None


def _free(tree: ast.Module) -> frozenset[str]:
    """The words of `FREE = {…}` and `FREE |= {…}`."""
    found: set[str] = set()
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="FREE")], value=value)
                | ast.AugAssign(target=ast.Name(id="FREE"), value=value)
            ):
                found |= set(_literal(value) or ())
    return frozenset(found)


def _imports(tree: ast.Module) -> list[str]:
    """The modules that are imported when it starts, by their first names, but not the standard library's."""
    found: dict[str, None] = {}
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                found.update({alias.name.partition(".")[0]: None for alias in names})
            case ast.ImportFrom(module=str(module)):
                found[module.partition(".")[0]] = None
    return [name for name in found if name not in sys.stdlib_module_names]
