"""Where a name is declared, where it is used, and another name in its place.

A renaming is refused unless it is right: the files are taken with the new name, every name must stand for what it stood
for, and every model must have the same diagnostics and the same network, by its hash.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from archdsl import limits
from archdsl.analysis.fields import DIMENSIONS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition
from archdsl.analysis.trained import DROP_PATH
from archdsl.compiler import Compiled
from archdsl.editor.data import MAX_PLACES, Change, Place, Refused, Renamable, Use
from archdsl.editor.occurrences import Names
from archdsl.editor.targets import Occurrence, Target
from archdsl.editor.workspace import MAX_FILES, Document, Workspace, is_library
from archdsl.graph.cost import MEASURES
from archdsl.syntax import ast
from archdsl.syntax.faults import RESERVED

RENAMED = ("model", "block", "fn", "scaling", "recipe", "space", "parameter", "input", "local", "draw")
"""What may have another name."""
BY_NAME = {
    "block": frozenset((*DIMENSIONS, "stride", "dilation", "next_dilation", "enter", "block", "classes")),
    "model": frozenset((DROP_PATH,)),
}
"""Parameters of blocks and models that the language, or what it emits, knows by their names."""
WEIGHTS = "names in the emitted module, and so keys of saved weights, may change with it"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONSTANTS = ("true", "false", "none")


# Where a name is declared


def definition(workspace: Workspace, path: str, offset: int) -> tuple[Place, ...]:
    """Where the name at a place is declared; of several declarations all. Nothing for words of the language."""
    document = workspace.document(path)
    if document is None:
        return ()
    module = _module_at(document, offset)
    if module is not None:
        return (Place(module, 0, 0),)
    found = document.name_at(offset)
    return tuple([p for t in (found.targets if found is not None else ()) if (p := _origin(document, t)) is not None])


def _module_at(document: Document, offset: int) -> str | None:
    """The module that a `use` names at a place."""
    for item in document.trees.of(document.program.entry).items:
        if isinstance(item, ast.Use) and item.module_span.start <= offset <= item.module_span.end:
            return used_module(document, item)
    return None


def used_module(document: Document, use: ast.Use) -> str | None:
    """The document that a `use` takes names from, if the program has it."""
    module = document.program.entry
    for alias in use.names or ():
        name = module.used.get(alias.local.text)
        if name is not None and (document.trees.module(name) is not None):
            return name
    return None


def _origin(document: Document, target: Target) -> Place | None:
    """The declaration behind a target; of another name for something, that of the thing."""
    seen = 0
    while target.alias and seen < limits.MAX_FILES:
        seen += 1
        module = document.trees.module(target.path)
        named = module.names.get(target.name) if module is not None else None
        origin = document.trees.origin(module, target.name, named) if module is not None and named else None
        if origin is None or not origin.declared:
            break
        target = origin
    return Place(target.path, target.start, target.end) if target.declared else None


# Where it is used


def references(workspace: Workspace, path: str, offset: int, declaration: bool = True) -> tuple[Use, ...]:
    """Where the name at a place is used, in all files that are known; at most `MAX_PLACES`."""
    document = workspace.document(path)
    found = document.names().at(offset) if document is not None else None
    if document is None or found is None or not found.targets:
        return ()
    wanted = set(found.targets)
    if not any(target.declared for target in wanted):
        uses = [_use(path, o) for o in document.names().occurrences if wanted & set(o.targets)]
        return tuple(uses[:MAX_PLACES])
    uses = []
    for name, names in _tables(workspace, document, found.targets):
        uses += [_use(name, o) for o in names.occurrences if wanted & set(o.targets)]
    return tuple([use for use in uses if declaration or not use.declares][:MAX_PLACES])


def _use(path: str, occurrence: Occurrence) -> Use:
    return Use(Place(path, occurrence.start, occurrence.end), occurrence.declares)


def _tables(workspace: Workspace, document: Document, targets: Sequence[Target]) -> Iterator[tuple[str, Names]]:
    """The names of every document that may use a target, the target's own first."""
    own = {target.path for target in targets if target.declared}
    if all(target.kind in ("input", "local") and target.path == document.path for target in targets):
        yield document.path, document.names()
        return
    words = {target.name for target in targets}
    modules = {**document.modules, **{p: m for p in own if (m := document.trees.module(p)) is not None}}
    for name, module in modules.items():
        if is_library(name) and (name in own or _has_word(module.source.text, words)):
            yield name, document.names(module)
    users = [user for path in own for user in _users(workspace, path)]
    for name in dict.fromkeys((document.path, *users)):
        found = workspace.document(name) if not is_library(name) else None
        if found is not None and _has_word(found.source.text, words):
            yield name, found.names()


def _users(workspace: Workspace, path: str) -> tuple[str, ...]:
    """The files that may use something of a module; of one of the library, those that are edited."""
    return workspace.paths() if is_library(path) else workspace.using(path)


def _has_word(text: str, words: Iterable[str]) -> bool:
    return any(word in text and re.search(rf"\b{re.escape(word)}\b", text) is not None for word in words)


# Another name


def prepare_rename(workspace: Workspace, path: str, offset: int) -> Renamable | Refused:
    """The name at a place, if it may have another."""
    document = workspace.document(path)
    found = document.names().at(offset) if document is not None else None
    if document is None or found is None:
        return Refused("there is no name here")
    place = Place(path, found.start, found.end)
    written = document.source.text[found.start : found.end]
    if not found.targets:
        return Refused(f"only values tell what `{written}` is here", place)
    if len(found.targets) > 1:
        owners = " and ".join([f"`{target.owner}`" for target in found.targets[:4]])
        return Refused(f"`{written}` is a setting of {owners}: rename it in each", place)
    target = found.targets[0]
    refusal = _refused(workspace, document, target, written)
    if refusal is not None:
        return Refused(refusal, place)
    weights = target.kind in ("block", "parameter", "local", "input")
    return Renamable(place, written, target.kind, WEIGHTS if weights else "")


def _refused(workspace: Workspace, document: Document, target: Target, written: str) -> str | None:
    if not target.declared or target.kind not in RENAMED:
        return f"`{written}` is a word of the language"
    if is_library(target.path):
        return f"`{written}` is declared in `{target.path}`, which comes with the language"
    if workspace.ships(target.path):
        return f"`{written}` is declared in the library, which files use by its name and not by its path"
    if target.kind not in ("input", "local") and workspace.crowded:
        return f"the project has more than {MAX_FILES:,} files: a use of `{written}` might be missed"
    return _known_by_name(document, target, target.name)


def _known_by_name(document: Document, target: Target, name: str) -> str | None:
    """Why a parameter keeps its name, or cannot have one."""
    module = document.trees.module(target.path)
    owner = module.names.get(target.owner) if module is not None and target.kind == "parameter" else None
    kind = owner.kind if isinstance(owner, Definition) else ""
    if name not in BY_NAME.get(kind, ()):
        return None
    return f"`{name}` is a name by which scalings, strides, recipes or the emitted module know a parameter of a {kind}"


def rename(workspace: Workspace, path: str, offset: int, new: str) -> tuple[Change, ...] | Refused:
    """The changes that give the name at a place another one, over all files that use it; or why there are none."""
    found = prepare_rename(workspace, path, offset)
    document = workspace.document(path)
    if isinstance(found, Refused) or document is None:
        return found if isinstance(found, Refused) else Refused("there is no name here")
    occurrence = document.names().at(offset)
    target = occurrence.targets[0] if occurrence is not None else None
    if target is None or new == target.name:
        return ()
    refusal = _unfit(target, new) or _known_by_name(document, target, new)
    if refusal is not None:
        return Refused(refusal)
    changes: list[Change] = []
    for name, names in _tables(workspace, document, (target,)):
        for o in names.occurrences:
            if target in o.targets:
                if len(o.targets) > 1:
                    return _several(o, name)
                changes.append(Change(name, o.start, o.end, new))
            elif target.kind == "parameter" and _unknown(o, workspace.text(name), target.name):
                message = f"only values tell whether `{target.name}` means that of `{target.owner}` here"
                return Refused(message, Place(name, o.start, o.end))
    if len(changes) > MAX_PLACES:
        return Refused(f"`{target.name}` is used at more than {MAX_PLACES:,} places")
    made = _verified(workspace, tuple(changes), target, new)
    return (_clash(workspace, target, new) or made) if isinstance(made, Refused) else made


def _clash(workspace: Workspace, target: Target, new: str) -> Refused | None:
    """What has the name already, where the target is declared: in its module, or in its declaration."""
    document = workspace.document(target.path)
    for o in document.names().occurrences if document is not None else ():
        other = o.targets[0] if o.declares and o.targets else None
        if other is not None and other.name == new and other.owner == target.owner:
            return Refused(f"there is a {other.kind} `{new}` already", Place(target.path, o.start, o.end))
    return None


def _unfit(target: Target, new: str) -> str | None:
    """Why a name is none, or none for this."""
    if _NAME.fullmatch(new) is None:
        return f"`{new[:60]}` is no name: letters, digits and underscores, no digit first"
    if new in RESERVED or new in _CONSTANTS:
        return f"`{new}` is a word of the language"
    if new in PRELUDE:
        return f"`{new}` is a function of the language"
    if target.kind in ("draw", "local") and new in ("model", *MEASURES):
        return f"`{new}` is a name of a space's own"
    return None


def _several(o: Occurrence, path: str) -> Refused:
    owners = " and ".join([f"`{target.owner}`" for target in o.targets[:4]])
    return Refused(f"a column here is a setting of {owners}, which would then differ", Place(path, o.start, o.end))


def _unknown(o: Occurrence, text: str, name: str) -> bool:
    """Whether a name may be the setting of a block that only values tell."""
    if text[o.start : o.end] != name:
        return False
    return not o.targets or any(
        t.kind == "setting" and t.owner in ("stages", "stem", "head", "model") for t in o.targets
    )


# What the new name leaves as it is


def _verified(
    workspace: Workspace, changes: tuple[Change, ...], target: Target, new: str
) -> tuple[Change, ...] | Refused:
    """The changes, if every name means what it meant, and every model is the same network."""
    by_path: dict[str, list[Change]] = {}
    for change in changes:
        by_path.setdefault(change.path, []).append(change)
    trial = workspace.again({path: changed(workspace.text(path), own) for path, own in by_path.items()})
    moves = {path: _Moves(own) for path, own in by_path.items()}
    affected = [user for path in by_path for user in workspace.using(path)]
    for path in dict.fromkeys((*by_path, *affected)):
        before, after = workspace.document(path), trial.document(path)
        if before is None or after is None:
            continue
        refused = _names_differ(before, after, moves, target, new) or _meaning_differs(before, after, moves, new)
        if refused is not None:
            return refused
    return changes


def changed(text: str, changes: Sequence[Change]) -> str:
    """A text with changes that do not overlap."""
    for change in sorted(changes, key=lambda c: c.start, reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


class _Moves:
    """Where offsets of a text are after its changes."""

    def __init__(self, changes: Sequence[Change]) -> None:
        ordered = sorted(changes, key=lambda c: c.start)
        self._ends = [change.end for change in ordered]
        self._shifts = [0]
        for change in ordered:
            self._shifts.append(self._shifts[-1] + len(change.text) - (change.end - change.start))

    def at(self, offset: int) -> int:
        return offset + self._shifts[bisect_right(self._ends, offset)]

    def end(self, offset: int) -> int:
        """The end of what ends here: a change that ends here is part of it."""
        return self.at(offset)


def _moved(target: Target, moves: dict[str, _Moves], renamed: Target, new: str) -> Target:
    own = moves.get(target.path)
    if own is None or not target.declared:
        return replace(target, owner=_owner(target, renamed, new))
    name = new if target == renamed else target.name
    return replace(
        target,
        name=name,
        start=own.at(target.start),
        end=own.end(target.end),
        owner=_owner(target, renamed, new),
    )


def _owner(target: Target, renamed: Target, new: str) -> str:
    """The declaration that a name belongs to has the new name, where that is what was renamed."""
    declares = renamed.kind not in ("parameter", "input", "local", "draw")
    own = declares and target.owner == renamed.name and target.path == renamed.path
    return new if own else target.owner


def _names_differ(
    before: Document, after: Document, moves: dict[str, _Moves], target: Target, new: str
) -> Refused | None:
    """The first name that no longer stands for what it stood for: one that is caught by another, or catches one."""
    own = moves.get(before.path) or _Moves(())
    now = {(o.start, o.end): o for o in after.names().occurrences}
    for o in before.names().occurrences:
        found = now.pop((own.at(o.start), own.end(o.end)), None)
        wanted = {_moved(t, moves, target, new) for t in o.targets}
        if found is None or set(found.targets) != wanted:
            place = Place(before.path, o.start, o.end)
            other = next((t for t in found.targets if t not in wanted), None) if found is not None else None
            where = f" that is declared in `{other.path}`" if other is not None and other.declared else ""
            return Refused(f"`{new}` would mean something else here{where}: there is a `{new}` already", place)
    return None


def _meaning_differs(before: Document, after: Document, moves: dict[str, _Moves], new: str) -> Refused | None:
    old, found = before.checked, after.checked
    told = {(d.code, path, start) for d in found.diagnostics for path, start in [(d.span.source.key, d.span.start)]}
    known = set()
    for d in old.diagnostics:
        own = moves.get(d.span.source.key) or _Moves(())
        known.add((d.code, d.span.source.key, own.at(d.span.start)))
    for code, path, start in sorted(told - known):
        said = next(d for d in found.diagnostics if (d.code, d.span.source.key, d.span.start) == (code, path, start))
        return Refused(f"with the name `{new}` there is a fault: {said.message} ({said.code}, {said.span})")
    if told != known:
        return Refused(f"with the name `{new}` another fault is hidden: mend it first")
    for one, other in zip(old.compilations, found.compilations, strict=False):
        if isinstance(one, Compiled) and not (isinstance(other, Compiled) and other.network.hash == one.network.hash):
            return Refused(f"with the name `{new}` the network of `{one.name}` is another one")
    return None


__all__ = ["changed", "definition", "prepare_rename", "references", "rename", "used_module"]
