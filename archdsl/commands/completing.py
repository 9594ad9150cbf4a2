"""What arguments and options may be, for a shell that completes them: names out of texts, which nothing compiles.

A function takes what click gives it and returns the words that begin as what is typed. A text with faults has the names
that can be read in it; one that cannot be read has none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from archdsl import zoo
from archdsl.diagnostics import Fault
from archdsl.project import SUFFIX, Project
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.parser import parse

Items = list[CompletionItem[str]]
Complete = Callable[[click.Context, click.Parameter, str], Items]

OPEN, PATH, FOLDER = "open", "path", "folder"
"""Kinds of items besides click's: what something follows, a file, a folder."""
MOST_ENTRIES = 2000
"""So many names of a folder are looked at."""


# Networks, spaces and other files.


def networks(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A network: a file, `FILE:MODEL`, or one that ships."""
    return _files_and("model", zoo.declared, incomplete)


def spaces(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A space: a file, `FILE:SPACE`, or one that ships."""
    return _files_and("space", zoo.declared_spaces, incomplete)


def networks_and_spaces(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """A network or a space."""
    found = [*networks(ctx, parameter, incomplete), *spaces(ctx, parameter, incomplete)]
    return list({item.value: item for item in found}.values())


def sources(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A file of the language, or a folder."""
    return _entries(incomplete)


def codes_and_networks(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """A code of a diagnostic, or a network."""
    from archdsl.codes import codes

    found = networks(ctx, parameter, incomplete)
    wanted = incomplete.upper()
    known = [code for code in codes().values() if incomplete and code.code.startswith(wanted)]
    return [*[CompletionItem(code.code, help=code.title) for code in known], *found]


def _files_and(kind: str, shipped: Callable[[], Iterable[str]], incomplete: str) -> Items:
    file, colon, begun = incomplete.rpartition(":")
    if colon:
        return _words([f"{file}:{name}" for name in _declared(file, kind)], f"{file}:{begun}")
    return [*_entries(incomplete), *_words(sorted(shipped()), incomplete)]


def _entries(incomplete: str) -> Items:
    """Files of the language and folders that begin so."""
    folder, begun = os.path.split(incomplete)
    found: Items = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
                if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun):
                    continue
                if not entry.name.isprintable():  # a shell takes a line for each
                    continue
                is_folder = entry.is_dir()
                if is_folder or entry.name.endswith(SUFFIX):
                    found.append(CompletionItem(os.path.join(folder, entry.name), FOLDER if is_folder else PATH))
    except (OSError, ValueError):  # no such folder, or none that may be read
        return []
    return sorted(found, key=lambda item: item.value)


# What a file declares.


def models(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A model of the file that was named."""
    return _words(_declared(_file(ctx), "model"), incomplete)


def spaces_of_file(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A space of the file that was named."""
    return _words(_declared(_file(ctx), "space"), incomplete)


def recipes(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A recipe of the file or of `std.recipes` that needs no arguments."""
    return _words(_visible(ctx, "recipe", "recipes"), incomplete)


def scalings(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """`NAME:`, a scaling of the file or of `std.scaling`, or behind `NAME=` its second one."""
    first, equal, _ = incomplete.rpartition("=")
    return _words([f"{first}{equal}{name}:" for name in _visible(ctx, "scaling", "scaling")], incomplete, OPEN)


def strategies(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Scalings, one after the other with commas between."""
    before, comma, _ = incomplete.rpartition(",")
    return _words([f"{before}{comma}{name}" for name in _visible(ctx, "scaling", "scaling")], incomplete)


def settings(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """`NAME=`, a parameter of a model of the file that was named."""
    file, _, name = _file(ctx).rpartition(":")
    place, model = (file, name) if file else (_file(ctx), ctx.params.get("model"))
    declared = [item for item in _items(_source(place)) if isinstance(item, ast.Declaration)]
    found = [item for item in declared if item.kind.text == "model"]
    chosen = [item for item in found if item.name.text == model] or found
    names = {parameter.name.text: None for item in chosen for parameter in _parameters(item)}
    return _words([f"{name}=" for name in names], incomplete, OPEN)


def _file(ctx: click.Context) -> str:
    """The file of the command line so far; empty where there is none."""
    for name in ("file", "a", "space", "specs", "files", "what", "target"):
        given = ctx.params.get(name)
        if isinstance(given, tuple) and given:
            given = given[-1]
        if isinstance(given, str):
            return given
    # Where the option at the cursor has no value yet, click leaves arguments as they came.
    return next((word for word in ctx.args if not word.startswith("-")), "")


def _source(text: str) -> tuple[Source, Project] | None:
    """The file that a text names, and where it reads others; none where it cannot be read."""
    if not text or text == zoo.STDIN:
        return None
    try:
        place = zoo.locate(text).file
    except Fault:
        try:
            place = zoo.locate_space(text).file
        except Fault:
            return None
    project = Project(place)
    try:
        return project.source(), project
    except Fault:
        return None


def _items(found: tuple[Source, Project] | None) -> tuple[ast.Item, ...]:
    return parse(found[0])[0].items if found is not None else ()


def _declared(text: str, kind: str) -> list[str]:
    """What a file declares of a kind; models of tables of instances too."""
    names: dict[str, None] = {}
    for item in _items(_source(text)):
        if isinstance(item, ast.Declaration) and item.kind.text == kind:
            names[item.name.text] = None
        elif isinstance(item, ast.Instances) and kind == "model":
            cells = [row.cells[0] for row in item.table.rows[1:]]
            names |= {cell.name: None for cell in cells if isinstance(cell, ast.Reference)}
    return list(names)


def _visible(ctx: click.Context, kind: str, module: str) -> list[str]:
    """What a file declares of a kind or has from another, and what a module of the library declares."""
    found = _source(_file(ctx))
    names: dict[str, None] = dict.fromkeys(_of_kind(_items(found), kind))
    for item in _items(found):
        if isinstance(item, ast.Use) and item.names is not None and found is not None:
            there = set(_of_kind(_used(item, *found), kind))
            names |= {alias.local.text: None for alias in item.names if alias.name.text in there}
    library = Project(".").library(module)
    shipped = parse(library)[0].items if library is not None else ()
    return list(names | dict.fromkeys(_of_kind(shipped, kind)))


def _used(item: ast.Use, source: Source, project: Project) -> tuple[ast.Item, ...]:
    try:
        if item.is_path:
            path = os.path.normpath(os.path.join(os.path.dirname(source.key), item.module))
            return parse(project.file(path.replace(os.sep, "/")))[0].items
        library = project.library(item.module.removeprefix("std."))
    except Fault:
        return ()
    return parse(library)[0].items if library is not None else ()


def _of_kind(items: Iterable[ast.Item], kind: str) -> Iterator[str]:
    """Names of a kind; of recipes those that can be taken as they are."""
    for item in items:
        if isinstance(item, ast.Declaration) and item.kind.text == kind:
            needs = [parameter for parameter in _parameters(item) if parameter.default is None]
            if kind != "recipe" or not needs:
                yield item.name.text


def _parameters(item: ast.Declaration) -> tuple[ast.Parameter, ...]:
    listed = item.parameters
    return (*listed.first, *(listed.second or ())) if listed is not None else ()


# Words that are always the same.


def conventions(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A convention of counting."""
    from archdsl.graph.conventions import CONVENTIONS

    return _words(CONVENTIONS, incomplete)


def measures(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """`MEASURE=`, of which an amount follows."""
    from archdsl.graph.cost import MEASURES

    return _words([f"{measure}=" for measure in MEASURES], incomplete, OPEN)


def shipped_names(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A network that ships, by its name alone."""
    return _words(sorted(zoo.declared()), incomplete)


def family_names(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A family of networks that ship."""
    return _words(zoo.families(), incomplete)


def tables(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """A paper's table: `PAPER:TABLE`."""
    from archdsl.commands.printed import papers

    return _words([f"{paper.key}:{table.id}" for paper in papers() for table in paper.tables], incomplete)


def import_sources(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """What a network is imported from: a library, or a file, which the shell completes."""
    found = [CompletionItem(word, OPEN) for word in ("timm:", "torchvision:", "module:") if word.startswith(incomplete)]
    return found or files(_ctx, _parameter, incomplete)


def files(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Any file: the shell completes it."""
    return [CompletionItem(incomplete, "file")]


def _words(names: Iterable[str], incomplete: str, kind: str = "plain") -> Items:
    return [CompletionItem(name, kind) for name in names if name.startswith(incomplete)]
