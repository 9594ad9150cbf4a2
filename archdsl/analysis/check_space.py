"""What can be checked of a space without values: its entries, the names that they see, and the words of `~`.

The tables of what a space may say stand here too; `spaces.declared` gives them values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from archdsl import limits
from archdsl.analysis.circles import AROUND, references
from archdsl.analysis.fields import SOURCE, repeated_field, unknown_field
from archdsl.analysis.names import did_you_mean, misplaced, unknown_part, unknown_setting
from archdsl.analysis.program import Definition, Module, Unresolved, walk
from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.graph.cost import MEASURES
from archdsl.records import dataclass
from archdsl.syntax import ast

Names = frozenset[str]

LAWS: Mapping[str, tuple[str, ...]] = {
    "int": (),
    "uniform": ("quantum",),
    "log_uniform": ("quantum",),
    "power_of_two": (),
    "one_of": ("weights",),
    "each": (),
    "tied": (),
    "reweighted": (),
}
"""The words that mean a law on the right of `~`, each with what it takes by name."""
FIELDS = ("model", "convention", "input", "recipe", "reward")
SECTIONS = ("expect", "source")
EXPECTED = ("dimensions", "settings", "valid")
"""What a space may claim of itself."""
CLAIM_OPTIONS = ("divided_by", "truncated", "note")
MODEL = "model"
"""What the network of a setting is called in conditions."""
MODEL_PARTS = (*MEASURES, "depth", "stages", "widths", "depths")
REWARDED = ("accuracy", "step_time", *MEASURES, "memory")
"""The names that a reward sees."""
ENTRIES = "fields, draws with `~`, `name = value`, `require`, `expect` and `source`"


@dataclass
class Spoken:
    """The names of a space, those of what it refines among them."""

    drawn: dict[str, ast.Identifier] = field(default_factory=dict)
    derived: dict[str, ast.Identifier] = field(default_factory=dict)
    asking: set[str] = field(default_factory=set)
    """Derived names that ask for the model."""

    @property
    def names(self) -> Names:
        return frozenset((*self.drawn, *self.derived))

    def asks(self, e: ast.Node) -> bool:
        """Whether an expression asks for the model, by its name, by one of its costs, or by a derived name."""
        own = self.names
        return any(
            name == MODEL or name in self.asking or (name in MEASURES and name not in own) for name in free_names(e)
        )

    def counts(self, e: ast.Node) -> bool:
        """Whether an expression itself asks for the network, for one of its costs."""
        own = self.names
        bare = any(name in MEASURES and name not in own for name in free_names(e))
        parts = [node for node in walk(e) if isinstance(node, ast.Attribute)]
        return bare or any(_of_model(node) and node.name.text in MEASURES for node in parts)

    def enter(self, entry: ast.Entry) -> None:
        """Take in what an entry declares. A name that was drawn before, and has a value now, stays drawn."""
        if isinstance(entry, ast.Draw):
            self.drawn.update({name.text: name for name in entry.names})
        elif isinstance(entry, ast.Binding):
            new = {name.text: name for name in entry.names if name.text not in self.drawn}
            if self.asks(entry.value):
                self.asking |= new.keys()
            self.derived.update(new)


def free_names(e: ast.Node) -> Names:
    """The names of an expression that nothing in it binds."""
    return frozenset([reference.name for reference in references(e, frozenset())])


def _of_model(e: ast.Attribute) -> bool:
    return isinstance(e.value, ast.Reference) and e.value.name == MODEL


def refined(definition: Definition) -> Definition | None:
    """The space that a space refines."""
    written = definition.declaration.refines
    named = definition.module.names.get(written.text) if written is not None else None
    return named if isinstance(named, Definition) and named.kind == "space" else None


def lineage(definition: Definition) -> list[Definition]:
    """What a space refines, the first of them first, and the space itself last; a few more than may be, at most."""
    found: list[Definition] = []
    named: Definition | None = definition
    while named is not None and named not in found and len(found) <= limits.MAX_REFINEMENTS + 1:
        found.append(named)
        named = refined(named)
    return found[::-1]


def entries_of(definition: Definition) -> tuple[ast.Entry, ...]:
    body = definition.declaration.body
    return body.entries if body is not None else ()


def spoken(definitions: list[Definition]) -> Spoken:
    """The names of spaces that refine each other, the first one first."""
    found = Spoken()
    for definition in definitions:
        for entry in entries_of(definition):
            found.enter(entry)
    return found


def outside(definitions: list[Definition]) -> dict[str, str]:
    """The names that spaces take from their files, each with the space: a refinement must not mean another thing by
    them."""
    own = spoken(definitions).names
    found: dict[str, str] = {}
    for definition in definitions:
        for entry in entries_of(definition):
            read = _read(entry)
            names = free_names(read) if read is not None else frozenset()
            found.update({name: definition.name for name in names if name not in own})
    return found


def _read(entry: ast.Entry) -> ast.Expression | None:
    """What of an entry is evaluated for each setting."""
    match entry:
        case ast.Binding(value=value) | ast.Field(value=value):
            return value
        case ast.Require(condition=condition):
            return condition
        case _:
            return None


class SpaceChecker:
    """Checks the spaces of one module. `expression` checks names, settings and tables of an expression."""

    def __init__(
        self,
        module: Module,
        report: Callable[[Diagnostic], None],
        expression: Callable[[ast.Node, Names, str], None],
        whole: Callable[[ast.Declaration], bool] = lambda _: True,
    ) -> None:
        """`whole` says whether an item is what it was meant to be: no syntax error took a part of it."""
        self.whole = whole
        self.module, self.report, self.expression = module, report, expression

    def check(self, item: ast.Declaration) -> None:
        name = item.name.text
        if item.parameters is not None:
            message, help_ = "a space has no parameters", "write each as a draw: `name ~ one_of(…)`"
            edits = (Edit(item.parameters.span, ""),)
            self.report(Diagnostic("E204", message, item.parameters.span, help=help_, edits=edits))
        if item.body is None:
            if item.value is not None:
                message, help_ = "a space has a body", f"write `space {name} refines … {{ }}`"
                self.report(Diagnostic("E204", message, item.value.span, help=help_))
            return
        definition = self.module.names.get(name)
        if not isinstance(definition, Definition) or definition.declaration is not item:
            return  # declared twice, which is reported
        above = self._above(item, definition)
        if above is not None:
            _Body(self, above).check(item.name, item.body, whole=self.whole(item))

    def check_draws(self, draws: Sequence[ast.Draw]) -> None:
        """Draws that stand outside a space: their names, which differ, and their laws."""
        body = _Body(self, [])
        for draw in draws:
            body.draw(draw)

    def _above(self, item: ast.Declaration, definition: Definition) -> list[Definition] | None:
        """The spaces that it refines, the first of them first; none where that is a fault."""
        written = item.refines
        if written is None:
            return []
        named = self.module.names.get(written.text)
        if not isinstance(named, Definition) or named.kind != "space":
            if isinstance(named, Unresolved) or (named is None and self.module.incomplete):
                return None
            if named is None:
                spaces = [n for n, d in self.module.names.items() if isinstance(d, Definition) and d.kind == "space"]
                hint = did_you_mean(written.text, [n for n in spaces if n != item.name.text], written.span)
                message = f"there is no space `{written.text}`"
                self.report(Diagnostic("E201", message, written.span, help=hint.help, edits=hint.edits))
            else:
                self.report(Diagnostic("E212", f"a space refines a space, and `{written.text}` is none", written.span))
            return None
        found = lineage(definition)[:-1]
        if any(each.name in each.module.circular for each in (definition, *found)):
            return None  # which is reported
        if len(found) > limits.MAX_REFINEMENTS:
            message = f"`{item.name.text}` refines more than {limits.MAX_REFINEMENTS} spaces, one behind the other"
            self.report(Diagnostic("E394", message, written.span))
            return None
        return found


class _Body:
    """Checks the entries of one space."""

    def __init__(self, checker: SpaceChecker, above: list[Definition]) -> None:
        self.module, self.report, self.expression = checker.module, checker.report, checker.expression
        self.above = above
        self.spoken = spoken(above)
        self.before = self.spoken.names
        self.outside = outside(above)
        self.own: dict[str, ast.Identifier] = {}
        """Names that this body draws, gives a value or derives."""

    def check(self, name: ast.Identifier, body: ast.Body, *, whole: bool) -> None:
        fields: dict[str, ast.Identifier] = {}
        waiting: list[ast.Field] = []
        for entry in body.entries:
            match entry:
                case ast.Draw():
                    self.draw(entry)
                case ast.Binding():
                    self._binding(entry)
                case ast.Require(condition=condition):
                    self._condition(condition)
                case ast.Field(path=path) if path.text in FIELDS:
                    if path.text in fields:
                        self.report(repeated_field(path.head, fields[path.text]))
                    fields.setdefault(path.text, path.head)
                    waiting.append(entry)
                case ast.Section(path=path) if path.text in SECTIONS:
                    self._section(entry)
                case ast.Field(path=path) | ast.Section(path=path) if path.text not in (*FIELDS, *SECTIONS):
                    meant = self._unknown(path)
                    fields |= {meant: path.head} if meant is not None else {}
                case _:
                    self._misplaced(entry)
        for entry in waiting:  # fields stand in any order, and see all names
            self._field(entry)
        if not self.above and whole:
            self._verify_complete(name, fields)

    def _verify_complete(self, name: ast.Identifier, fields: Mapping[str, ast.Identifier]) -> None:
        if "model" not in fields:
            help_ = "add `model: family(…)`, with what is drawn among the arguments"
            self.report(Diagnostic("E210", f"the space `{name.text}` has no `model`", name.span, help=help_))
        if not self.spoken.drawn:
            help_ = "add a draw such as `depth ~ int(1 .. 16)`"
            self.report(Diagnostic("E210", f"the space `{name.text}` draws nothing", name.span, help=help_))

    def _unknown(self, path: ast.Path) -> str | None:
        """Report a field that a space has not; the one that is meant."""
        name = ast.Identifier(path.span, path.text)
        known = (*FIELDS, *SECTIONS)
        if path.head.text in self.spoken.names:
            help_ = f"write `{path.head.text} ~ …` for a draw, `{path.head.text} = …` for a value"
            message = f"`{name.text}` is no field of a space"
            self.report(Diagnostic("E204", message, path.span, help=help_))
            return None
        wrong = unknown_field(name, known, "a space", dict.fromkeys(("stages", "stem", "head"), "a `model`"))
        self.report(wrong)
        return next((edit.replacement for edit in wrong.edits), None)

    def _misplaced(self, entry: ast.Entry) -> None:
        if isinstance(entry, ast.Field | ast.Section) and entry.path.text in (*FIELDS, *SECTIONS):
            section = entry.path.text in SECTIONS
            form = f"{entry.path.text} {{ … }}" if section else f"{entry.path.text}: …"
            message = f"`{entry.path.text}` is a {'section, not a field' if section else 'field, not a section'}"
            self.report(Diagnostic("E204", message, entry.path.span, help=f"write `{form}`"))
            return
        self.report(misplaced(entry, "a space", ENTRIES))

    # Names

    def _declare(self, name: ast.Identifier) -> None:
        """A name that is drawn, or derived."""
        text = name.text
        if text in self.own or (text in self.spoken.derived and text not in self.own):
            earlier = self.own.get(text) or self.spoken.derived[text]
            message = f"`{text}` has a value already; a name keeps its value"
            labels = (Label(earlier.span, "here first"),)
            self.report(Diagnostic("E203", message, name.span, labels=labels, help="choose another name"))
        elif text == MODEL:
            message = "`model` is the network of a setting, and no name of another thing"
            self.report(Diagnostic("E203", message, name.span, help="choose another name"))
        elif text in self.outside:
            message = f"`{text}` means something else in `{self.outside[text]}`, which this space refines"
            self.report(Diagnostic("E203", message, name.span, help="choose another name"))
        self.own.setdefault(text, name)

    def draw(self, entry: ast.Draw) -> None:
        for name in entry.names:
            self._declare(name)
        again = all(name.text in self.before for name in entry.names)
        self._law(entry.domain, again, outer=True)
        self.spoken.enter(entry)

    def _binding(self, entry: ast.Binding) -> None:
        fixed = [name for name in entry.names if name.text in self.before and name.text in self.spoken.drawn]
        if fixed:
            self._constant(entry.value, f"the value of `{fixed[0].text}`")
            if len(entry.names) > 1:
                message = "draws get their values one by one"
                help_ = f"write `{fixed[0].text} = …`"
                self.report(Diagnostic("E204", message, entry.span, help=help_))
        else:
            self._condition(entry.value)
        for name in entry.names:
            self._declare(name)
        self.spoken.enter(entry)

    # Expressions

    def _condition(self, e: ast.Expression) -> None:
        """What may ask for the model: it sees the names above."""
        local = self.spoken.names | {MODEL, *MEASURES}
        self.expression(e, local, "space")
        for node in walk(e):
            if isinstance(node, ast.Attribute) and _of_model(node) and node.name.text not in MODEL_PARTS:
                self.report(unknown_part(node.name, MODEL_PARTS, "the model of a space").diagnostic)

    def _constant(self, e: ast.Expression, what: str) -> None:
        """What is the same for all settings: it sees the names of the file."""
        own = self.spoken.names | self.own.keys()
        seen = {MODEL, *MEASURES}
        for reference in references(e, frozenset()):
            if reference.name in own or (reference.name in seen and reference.name not in self.module.names):
                message = f"{what} is the same for all settings, and does not see `{reference.name}`"
                help_ = "say it with `require`"
                self.report(Diagnostic("E201", message, reference.span, help=help_))
        self.expression(e, own | seen, "space")

    def _field(self, entry: ast.Field) -> None:
        name = entry.path.text
        if self.above and name in ("model", "convention", "input"):
            message = f"a refinement keeps the `{name}` of the space that it refines"
            help_ = "remove it, or write a space that refines nothing"
            self.report(Diagnostic("E213", message, entry.path.span, help=help_))
        elif self.above and any(_gives(definition, name) for definition in self.above):
            message = f"`{name}` stands in the space that this one refines: what was trained by it would not count"
            self.report(Diagnostic("E213", message, entry.path.span, help="remove it"))
        if name == "reward":
            self.expression(entry.value, frozenset(REWARDED), "space")
        elif name == "recipe":
            self.expression(entry.value, self.spoken.names, "space")
        elif name == "model":
            asking = [node for node in references(entry.value, frozenset()) if self.spoken.asks(node)]
            for node in asking:
                message = f"`{node.name}` is known when there is a model, which is made here"
                self.report(Diagnostic("E201", message, node.span))
            self.expression(entry.value, self.spoken.names | {node.name for node in asking}, "space")
        else:
            self._constant(entry.value, f"`{name}`")

    def _section(self, section: ast.Section) -> None:
        name = section.path.text
        known = (*EXPECTED, *CLAIM_OPTIONS) if name == "expect" else tuple(SOURCE)
        for entry in section.body.entries:
            if not isinstance(entry, ast.Field):
                continue  # reported when the section is evaluated
            self.expression(entry.value, frozenset(), "space")
            if entry.path.text not in known:
                at = ast.Identifier(entry.path.span, entry.path.text)
                self.report(unknown_field(at, known, f"`{name}`", {}))

    # Laws

    def _law(self, e: ast.Expression, again: bool, *, outer: bool, within: str | None = None) -> None:
        listed = ", ".join([f"`{law}(…)`" for law in LAWS if law not in AROUND or within is None])
        if not isinstance(e, ast.Call) or not isinstance(e.function, ast.Reference):
            meant = _meant(e)
            help_, edits = (f"write `{meant}`", (Edit(e.span, meant),)) if meant else (None, ())
            self.report(Diagnostic("E301", f"a draw's law is one of {listed}", e.span, help=help_, edits=edits))
            return
        law = e.function.name
        if law not in LAWS:
            hint = did_you_mean(law, LAWS, e.function.span, f"it is one of {listed}")
            message = f"there is no law `{law}`"
            self.report(Diagnostic("E201", message, e.function.span, help=hint.help, edits=hint.edits))
            return
        if law in AROUND and within is not None and not (within == "reweighted" and law != "reweighted"):
            message = f"`{law}` does not stand in `{within}`"
            self.report(Diagnostic("E204", message, e.function.span))
        if law == "reweighted" and outer and not again:
            message = "`reweighted` declares another law for a draw of the space that is refined"
            help_ = "write the law alone"
            self.report(Diagnostic("E204", message, e.function.span, help=help_))
        self._arguments(e, law, again)

    def _arguments(self, e: ast.Call, law: str, again: bool) -> None:
        given = [argument.value for argument in e.arguments if argument.name is None]
        seen: set[str] = set()
        for argument in e.arguments:
            name = argument.name
            if name is not None and name.text not in LAWS[law]:
                self.report(unknown_setting(name, LAWS[law], law).diagnostic)
            elif name is not None and name.text in seen:
                self.report(Diagnostic("E203", f"`{name.text}` is given twice", name.span))
            seen |= {name.text} if name is not None else set()
        wanted = {"each": 2, "tied": 2, "one_of": None}.get(law, 1)
        forms = {
            "each": "each(4, LAW)",
            "tied": "tied(4, LAW)",
            "reweighted": "reweighted(LAW)",
            "one_of": "one_of(1, 2, 4)",
            "power_of_two": "power_of_two(1 .. 32)",
        }
        if (wanted is None and not given) or (wanted is not None and len(given) != wanted):
            quantum = ", quantum: q" if law == "uniform" else ""
            help_ = f"write `{forms.get(law, f'{law}(low .. high{quantum})')}`"
            self.report(Diagnostic("E211", f"`{law}` takes {_arguments_words(wanted)}", e.span, help=help_))
            return
        for argument in e.arguments:
            inner = law in AROUND and argument.name is None and argument.value is given[-1]
            if inner:
                self._law(argument.value, again, outer=False, within=law)
            else:
                self._constant(argument.value, "a law")


def _meant(e: ast.Expression) -> str | None:
    """The law of a range or list that stands alone."""
    if isinstance(e, ast.Range):
        return f"int({e.span.text})"
    if isinstance(e, ast.ListExpression) and e.items:
        return f"one_of({', '.join([item.span.text for item in e.items])})"
    return None


def _arguments_words(wanted: int | None) -> str:
    return {None: "values", 1: "one argument", 2: "a number and a law"}[wanted]


def _gives(definition: Definition, name: str) -> bool:
    return any(isinstance(entry, ast.Field) and entry.path.text == name for entry in entries_of(definition))
