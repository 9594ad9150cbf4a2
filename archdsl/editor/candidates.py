"""What may stand at a place: the groups of proposals, the likeliest first."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.analysis import fields as model_fields
from archdsl.analysis import recipe_fields
from archdsl.analysis.check_space import (
    CLAIM_OPTIONS,
    EXPECTED,
    LAWS,
    MODEL_PARTS,
    lineage,
)
from archdsl.analysis.check_space import FIELDS as SPACE_FIELDS
from archdsl.analysis.check_space import SECTIONS as SPACE_SECTIONS
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import using
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import OPERATIONS_MODULE, Builtin, Definition, Instance, Named, Primitive, Unresolved
from archdsl.analysis.stages import STRUCTURE
from archdsl.analysis.values import INDICES
from archdsl.editor.cursor import KINDS, Cursor, Frame
from archdsl.editor.data import Change, NameKind, Proposal
from archdsl.editor.describe import described, reference, setting_fact, word_text
from archdsl.editor.expressions import TENSOR
from archdsl.editor.occurrences import spoken_targets
from archdsl.editor.parts import blocks_of, model_of
from archdsl.editor.targets import Target, kind_of
from archdsl.editor.workspace import Document, Workspace
from archdsl.graph.cost import MEASURES
from archdsl.graph.initializers import NAMES as FANS
from archdsl.graph.operations import OPERATIONS
from archdsl.source import Span
from archdsl.syntax import ast

VALUES = ("fn", "function", "block", "operation", "model", "scaling", "recipe", "space")
_PREFERRED: dict[str, tuple[str, ...]] = {
    "stem": ("block", "operation"),
    "stages": ("block", "operation"),
    "head": ("block", "operation"),
    "enter": ("block", "operation"),
    "recipe": ("recipe",),
    "model": ("model",),
    "scaling": ("scaling",),
    "space": ("model",),
}
"""Which kinds of names come first in the values of a field, or of a declaration."""


class Candidates:
    """The proposals of one place."""

    def __init__(self, workspace: Workspace, document: Document, cursor: Cursor) -> None:
        self.workspace, self.document, self.cursor = workspace, document, cursor
        self.entry = document.program.entry
        self.left_out = False
        """Whether there are names that come when a letter of one is typed."""

    def groups(self) -> Iterator[Iterable[Proposal]]:
        """Groups of proposals, in their order."""
        cursor, top = self.cursor, self.cursor.top
        if cursor.chain:
            yield self._behind_dot(cursor.chain)
        elif top.inside == "file":
            yield from self._in_file()
        elif top.inside == "use":
            yield self._offered(top)
        elif top.has_entries:
            yield from self._in_entries(top)
        elif top.inside == "call":
            if not top.argument:
                yield self._settings(self._named(top.name), top.given, colon=True)
            yield from self._values(self._named(top.name), top.argument)
        elif top.inside == "table":
            yield from self._in_table(top)
        elif top.inside == "params" and not top.argument:
            return
        else:
            yield from self._values(None, "")

    # Places

    def _in_file(self) -> Iterator[Iterable[Proposal]]:
        item, before, frame = self.cursor.item, self.cursor.before, self.cursor.top
        if before == "use" or (item[:1] == ["use"] and before == "."):
            yield [plain(name, "module", "") for name in self.modules()]
        elif before == "refines":
            yield self._names(("space",))
        elif before == "models":
            yield self._names(("model",))
        elif before in KINDS and len(item) == 1:
            return
        elif frame.value:
            yield from self._values(None, "")
            yield [word(w, "keyword") for w in ("with", "if", "when")]
        else:
            yield [word(w, "keyword", " ") for w in (*KINDS, "models", "use")]
            if not item and not before:
                yield [word("arch", "keyword", " 1\n")]

    def modules(self) -> list[str]:
        """The names that a `use` of the library may have."""
        return [OPERATIONS_MODULE, *self.workspace.library.names]

    def _offered(self, frame: Frame) -> Iterator[Proposal]:
        """The names of the module that a `use` is of."""
        for name, named in self._used_names().items():
            if name not in frame.given and not isinstance(named, Unresolved):
                yield self._proposal(name, named)

    def _used_names(self) -> Mapping[str, Named]:
        """The names that the `use` around the place may take, those that are declared there first."""
        used = self.cursor.used
        if used is None:
            name = ".".join(self.cursor.item[1:])
            if name == OPERATIONS_MODULE:
                return {n: PRELUDE.get(n) or Primitive(n, operation) for n, operation in OPERATIONS.items()}
            module = self.workspace.library.modules.get(name)
        else:
            folder = posixpath.dirname(self.document.path)
            other = self.workspace.document(posixpath.normpath(posixpath.join(folder, used)))
            module = other.program.entry if other is not None and other is not self.document else None
        names = module.names if module is not None else {}
        taken = module.used if module is not None else {}
        return {name: names[name] for name in sorted(names, key=lambda n: n in taken)}

    def _in_entries(self, frame: Frame) -> Iterator[Iterable[Proposal]]:
        key = not frame.value or frame.complete or (self.cursor.lines and self.cursor.before in (":", "=", "~"))
        behind = frame.value and not frame.complete
        if behind:
            named = self._named(frame.name) if frame.inside == "configured" else None
            yield from self._values(named, frame.key[-1] if frame.key else "")
        if key:
            yield from self._keys(frame)
        if frame.value and frame.complete:
            yield [word(w, "keyword") for w in ("if", "else", "when", "with", "and", "or")]

    def _keys(self, frame: Frame) -> Iterator[Iterable[Proposal]]:
        given = frozenset(frame.given)
        if frame.inside == "configured":
            stages = self.cursor.field == "stages"
            yield self._settings(self._named(frame.name), given, colon=True)
            if stages:
                yield self._fields("stages", STRUCTURE, given)
            return
        if frame.inside == "section":
            yield self._section_fields(frame, given)
            return
        if frame.inside == "with":
            yield from self._changes(frame, given)
            return
        kind = frame.name
        if kind == "model":
            fields = [f for f in model_fields.MODEL_FIELDS if f not in model_fields.SECTIONS]
            yield self._fields("model", fields, given)
            yield self._fields("model", model_fields.SECTIONS, given - {"expect"}, section=True)
        elif kind == "recipe":
            fields = [f for f in recipe_fields.ALL if f not in recipe_fields.SECTIONS]
            needed = sorted(fields, key=lambda f: f not in recipe_fields.REQUIRED)
            yield self._fields("recipe", needed, given)
            yield self._fields("recipe", recipe_fields.SECTIONS, given, section=True)
        elif kind == "space":
            yield self._fields("space", SPACE_FIELDS, given)
            yield self._fields("space", SPACE_SECTIONS, given, section=True)
        elif kind == "scaling":
            yield self._fields("scaling", model_fields.DIMENSIONS, given)
        elif kind == "block":
            yield [word("return", "keyword", " ")]
            yield self._fields("block", ("fit",), given, section=True)
        elif kind == "fn":
            yield [word("return", "keyword", " ")]
        if kind in KINDS:
            yield [word("require", "keyword", " ")]

    def _section_fields(self, frame: Frame, given: frozenset[str]) -> Iterator[Proposal]:
        name, outer = frame.name, self.cursor.declaration
        if name == "fit":
            return self._plain((n for n in self.cursor.parameters if n not in given), "parameter", ": ")
        if name == "follow":
            return self._plain(
                (f"{end}.{s}" for end in ("stem", "head") for s in self._part_settings(end)), "setting", ": "
            )
        if outer == "space" and name == "expect":
            return self._fields("space.expect", (*EXPECTED, *CLAIM_OPTIONS), given)
        if outer == "recipe" or name in recipe_fields.SECTIONS[:2]:
            return self._fields(name, tuple(recipe_fields.INSIDE.get(name, ())), given)
        known = {
            "expect": model_fields.EXPECT_FIELDS,
            "preprocess": tuple(model_fields.PREPROCESS),
            "source": tuple(model_fields.SOURCE),
            "init": model_fields.INIT_FIELDS,
        }
        return self._fields(name, known.get(name, ()), given)

    def _changes(self, frame: Frame, given: frozenset[str]) -> Iterator[Iterable[Proposal]]:
        """The paths of a `with`."""
        named = self._named(frame.name)
        if isinstance(named, Definition) and named.kind == "recipe":
            yield self._fields("recipe", recipe_fields.ALL, given)
            return
        if isinstance(named, Definition) and named.kind == "scaling":
            yield self._fields("scaling", model_fields.DIMENSIONS, given)
            return
        if self.cursor.field == "stages":
            blocks = [self._named(name) for name in frame.blocks] or [named]
            yield from (self._settings(block, given, colon=True) for block in blocks)
            yield self._fields("stages", STRUCTURE, given)
            return
        yield self._plain(("stages.", "head.", "stem."), "field", "")
        fields = [f for f in model_fields.MODEL_FIELDS if f not in model_fields.SECTIONS]
        yield self._fields("model", fields, given)
        yield self._fields("model", model_fields.SECTIONS, given - {"expect"}, section=True)

    def _in_table(self, frame: Frame) -> Iterator[Iterable[Proposal]]:
        row = frame.rows[-1] if frame.rows else []
        header = frame.rows[0] if frame.rows else []
        instances = self.cursor.item[:1] == ["models"]
        if len(frame.rows) <= 1:
            if instances:
                yield [plain("name", "column", "")]
                yield self._settings(self._named(frame.name), row, colon=False)
                columns = [f"{g}.{n}" for g, names in model_fields.COLUMN_SECTIONS.items() for n in names]
                yield self._plain((c for c in columns if c not in row), "field", "")
                return
            yield [plain("block", "column", "")] if "block" not in row else []
            blocks = [n for n in self.entry.names.values() if isinstance(n, Definition) and n.kind == "block"]
            yield from (self._settings(block, row, colon=False) for block in blocks[:20])
            yield self._fields("stages", STRUCTURE, frozenset(row), colon=False)
            return
        column = header[len(row)] if len(row) < len(header) else ""
        if column == "block":
            yield self._names(("block", "operation"))
        elif column != "name":
            yield from self._values(None, column)

    # Behind a dot

    def _behind_dot(self, chain: list[str]) -> Iterator[Proposal]:
        head, top = chain[0], self.cursor.top
        if self.cursor.item[:1] == ["use"] and top.inside == "file":
            inner = ".".join(chain) + "."
            return self._plain((n.removeprefix(inner) for n in self.modules() if n.startswith(inner)), "module", "")
        key = top.has_entries and not (top.value and not top.complete)
        if key and head in ("stem", "head", "stages"):
            names = self._part_settings(head)
            extra = (*STRUCTURE, "block") if head == "stages" else ()
            return self._plain(dict.fromkeys((*names, *extra)), "setting", ": ")
        if key and head in model_fields.SECTIONS:
            return self._section_fields(Frame("section", head), frozenset())
        if top.inside == "table" and head in model_fields.COLUMN_SECTIONS:
            return self._plain(model_fields.COLUMN_SECTIONS[head], "field", "")
        if head in INDICES and self.cursor.declaration in ("model", "scaling", "space"):
            return self._worded(INDICES[head], "index", head)
        if head == "model" and self.cursor.declaration == "space":
            return self._worded(MODEL_PARTS if len(chain) == 1 else ("count",), "part", "model")
        return self._worded(TENSOR, "part", "tensor")

    def _part_settings(self, part: str) -> list[str]:
        """The settings of the blocks of a part of the model that is declared or changed here."""
        found: dict[str, None] = {}
        names = [frame.name for frame in self.cursor.frames if frame.inside == "with"] or [self.cursor.declared]
        model = model_of(self.entry, ast.Reference(Span(self.document.source, 0, 0), names[-1]))
        for block in blocks_of(model, part) or ():
            found |= dict.fromkeys(_settings_of(block))
        return list(found)

    # Values

    def _values(self, named: Named | None, setting: str) -> Iterator[Iterable[Proposal]]:
        """What an expression may begin with."""
        cursor = self.cursor
        yield self._words(named, setting)
        local = dict.fromkeys((*reversed(cursor.variables), *reversed(cursor.bound), *cursor.parameters))
        here = {frame.key[0] for frame in cursor.frames if frame.inside == "body" and frame.value and frame.key}
        yield self._plain((n for n in local if n not in here), "local", "")
        yield self._around()
        direct = cursor.top.inside in ("body", "list", "group", "with") and bool(cursor.field)
        wanted = _PREFERRED.get(cursor.field if direct else setting or ("" if cursor.field else cursor.declaration), ())
        if cursor.before == "->":
            wanted = ("scaling",) if cursor.declaration == "model" and not cursor.field else ("block", "operation")
        elif setting in ("act", "norm", "gate", "block") or setting.endswith(("_act", "_norm")):
            wanted = ("operation", "block")
        yield self._names(wanted)
        yield self._names(tuple([kind for kind in VALUES if kind not in wanted]))
        yield [word(w, "value") for w in ("true", "false", "none")]
        yield self._elsewhere(wanted or VALUES)
        if cursor.declaration == "model" and cursor.field in ("stem", "stages", "head"):
            yield self._worded(OUTPUTS, "part", "model")

    def _words(self, named: Named | None, setting: str) -> Iterator[Proposal]:
        """The words that a setting of an operation knows."""
        if isinstance(named, Builtin) and named.operation is not None:
            named = named.operation
        if isinstance(named, Primitive):
            yield from self._plain(named.operation.words(setting), "value", "")
        if self.cursor.declaration == "recipe":
            yield from self._plain(recipe_fields.FORMS.get(setting, ()), "value", "")
        if self.cursor.top.name == "init" and self.cursor.top.inside == "section":
            yield from self._plain((*DISTRIBUTIONS, *FANS), "value", "")

    def _around(self) -> Iterator[Proposal]:
        """What the declaration around knows beside its own names."""
        cursor = self.cursor
        if cursor.declaration == "model":
            if cursor.field == "stages":
                yield from self._plain(INDICES, "index", "")
        elif cursor.declaration == "scaling":
            own = [frame.key[0] for frame in cursor.frames if frame.inside == "body" and frame.key]
            yield from self._plain((*own, *model_fields.DIMENSIONS, "stage", "stem", "head", "model"), "part", "")
        elif cursor.declaration == "space":
            if cursor.before == "~" or cursor.top.name in LAWS:
                yield from self._worded(LAWS, "value", "law")
            yield from self._plain(self._inherited(), "draw", "")
            yield from self._plain(("model", *MEASURES), "part", "")

    def _inherited(self) -> list[str]:
        named = self.entry.names.get(self.cursor.declared)
        above = lineage(named)[:-1] if isinstance(named, Definition) and named.kind == "space" else []
        return [name for definition in above for name in spoken_targets(definition)]

    def _names(self, kinds: Sequence[str]) -> Iterator[Proposal]:
        """The names of the module of these kinds, its own first, then the prelude's."""
        names = self.entry.names
        for kind in kinds:
            for name in sorted(names, key=lambda n: (n in self.entry.used, n)):
                named = names[name]
                if kind_of(named) == kind and not isinstance(named, Unresolved):
                    yield self._proposal(name, named)
            if kind == "function":
                for name in PRELUDE:
                    if name not in names:
                        yield self._proposal(name, PRELUDE[name])

    def _elsewhere(self, kinds: Collection[str]) -> Iterator[Proposal]:
        """The names of the library that the file does not use, where the beginning of one is typed."""
        tree, cursor = self.entry.tree, self.cursor
        if tree is None or self.entry.library:
            return
        if not cursor.prefix:
            self.left_out = True
            return
        known = {*self.entry.names, *PRELUDE, *cursor.parameters, *cursor.bound, *cursor.variables}
        operations: dict[str, Named] = {name: Primitive(name, operation) for name, operation in OPERATIONS.items()}
        modules = [(name, module.names, module.used) for name, module in self.workspace.library.modules.items()]
        for module, names, taken in ((OPERATIONS_MODULE, operations, {}), *modules):
            for name, named in names.items():
                if name not in known and name not in taken and kind_of(named) in kinds:
                    known.add(name)
                    edit = using(tree, module, name)
                    change = Change(self.document.path, edit.span.start, edit.span.end, edit.replacement)
                    found = self._proposal(name, named)
                    yield replace(found, detail=f"use {module}", changes=(change,))

    def _named(self, name: str) -> Named | None:
        taken = (*self.cursor.parameters, *self.cursor.bound)
        return None if name in taken else self.entry.names.get(name) or PRELUDE.get(name)

    # Proposals

    def _proposal(self, name: str, named: Named) -> Proposal:
        said = described(named)
        kind: NameKind = kind_of(named) or "value"
        return Proposal(name, kind, said.signature if said else "", said.text if said else "", name)

    def _settings(self, named: Named | None, given: Iterable[str], *, colon: bool) -> Iterator[Proposal]:
        """The settings of a block that are not given."""
        done = set(given)
        for name in _settings_of(named):
            if name not in done:
                fact = setting_fact(named, name)
                kind: NameKind = "setting" if isinstance(named, Primitive) else "parameter"
                detail, text = (fact.value, fact.note) if fact is not None else ("", "")
                yield Proposal(name, kind, detail, text, f"{name}: " if colon else name)

    def _fields(
        self, owner: str, names: Iterable[str], given: frozenset[str], *, section: bool = False, colon: bool = True
    ) -> Iterator[Proposal]:
        for name in names:
            if name not in given:
                text = reference().get((owner, name), "")
                behind = " {" if section else ": " if colon else ""
                yield Proposal(name, "section" if section else "field", "", text, name + behind)

    def _worded(self, names: Iterable[str], kind: NameKind, owner: str) -> Iterator[Proposal]:
        for name in names:
            yield Proposal(name, kind, "", word_text(Target(kind, name, owner=owner)), name)

    def _plain(self, names: Iterable[str], kind: NameKind, behind: str) -> Iterator[Proposal]:
        for name in dict.fromkeys(names):
            yield Proposal(name, kind, "", "", name + behind)


def plain(name: str, kind: NameKind, behind: str) -> Proposal:
    return Proposal(name, kind, "", "", name + behind)


def word(name: str, kind: NameKind, behind: str = "") -> Proposal:
    """A word of the language."""
    return Proposal(name, kind, "", "", name + behind)


def _settings_of(named: Named | None) -> tuple[str, ...]:
    match named:
        case Definition():
            return named.parameter_names
        case Instance(model=Definition() as model):
            return model.parameter_names
        case Primitive(operation=operation) | Builtin(operation=Primitive(operation=operation)):
            return tuple([a.name for a in operation.attributes])
        case Builtin(named=names, options=options):
            return (*names, *options)
        case _:
            return ()


__all__ = ["Candidates"]
