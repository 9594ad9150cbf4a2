"""What colors a text of the language: contexts and rules, made of the grammar's tokens and of the compiler's words.

The words that mean something only in places (`model`, `x`, `as`, `epochs`) are told from names by what stands before
them. So a highlighter is a stack of contexts, as editors' engines have them. A rule is a regular expression of one
token, the kind of that token, and the context that begins behind it. A context ends at its closing token or, without
one, in front of the first token that none of its rules takes: that is how `after_…`, which stands behind a value, ends
at an operator. Expressions are of one line and without groups, in what Python, Oniguruma and JavaScript have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from archdsl.analysis import check_space, fields, recipe_fields
from archdsl.analysis.prelude import PRELUDE
from archdsl.graph.operations import OPERATIONS
from archdsl.records import dataclass
from archdsl.syntax.faults import CONSTANTS, RESERVED
from archdsl.syntax.tables import tables

BLANK = r"[ \t\r\n]"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VISIBLE = str.maketrans({"\t": r"\t", "\r": r"\r", "\n": r"\n"})
_SIGNS = {"DOT", "ELLIPSIS", "COMMA", "COLON", "SEMICOLON", "VBAR", "LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"}
_OPERATORS = ("DOTS", "CMP", "EQUAL", "PLUS", "MINUS", "OPERATOR", "CIRCUMFLEX", "TILDE")
_WORDS = {"REQUIRE", "RETURN", "IF", "ELSE", "WHEN", "OR", "AND", "NOT", "WITH", "FOR", "IN"}
_SOFT = {"KIND", "MODELS", "ARCH", "USE", "AS", "REFINES"}
_VALUES = {"NAME", "NUMBER", "STRING", "UNIT", "TIMES"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One token: its pattern and kind, and the context that begins behind it. Without kind nothing is read."""

    pattern: str
    kind: str | None
    push: str | None = None


@dataclass(frozen=True, slots=True)
class Include:
    """The rules of a group, as if they stood here."""

    group: str


@dataclass(frozen=True, slots=True)
class Context:
    """Rules, of which the first that fits counts. `close` ends it; where there is none, what fits no rule does."""

    rules: tuple[Rule | Include, ...]
    close: Rule | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """All contexts by name, the first of which a text begins in, and the groups of rules that they share."""

    contexts: Mapping[str, Context]
    groups: Mapping[str, tuple[Rule | Include, ...]]
    first: str = "file"


def words(names: Iterable[str]) -> str:
    """A pattern of any of these words, whole."""
    return rf"(?:{'|'.join(sorted(names))})\b"


def machine(*, by_lines: bool) -> Machine:
    """The contexts of the language, for what sees a whole text or, by lines, no further than to the end of one."""
    return _Writer(by_lines).machine()


class _Writer:
    """Writes the contexts: of a file outside brackets, of what is declared in braces, of other braces, of brackets."""

    def __init__(self, by_lines: bool) -> None:
        self._by_lines = by_lines
        self._soon = r"[ \t]*" if by_lines else f"{BLANK}*"
        self._terminals = {name: pattern.translate(_VISIBLE) for name, _, pattern in tables().terminals}
        known = _SIGNS | {"ARROW", *_OPERATORS} | _WORDS | _SOFT | _VALUES
        if known != set(self._terminals):
            raise ValueError(f"these tokens of the grammar have no color, or are gone: {known ^ set(self._terminals)}")
        self._fields = words(
            {*fields.MODEL_FIELDS, *recipe_fields.ALL, *check_space.FIELDS, *check_space.SECTIONS, *fields.DIMENSIONS}
        )
        self._item = rf"(?:{'|'.join(self._terminals[name] for name in ('KIND', 'MODELS', 'ARCH', 'USE'))})"
        self._begins = rf"[ \t]+(?!(?:{'|'.join(RESERVED)})\b|x[ \t]){_NAME}"

    def machine(self) -> Machine:
        contexts: dict[str, Context] = {}
        groups: dict[str, tuple[Rule | Include, ...]] = {"always": self._always(), "brackets": self._brackets()}
        for level in ("file", "body", "braces", "inner"):
            heads = self._items() if level == "file" else (*self._restarts(), *self._heads(level))
            groups[f"behind_{level}"] = (*heads, *self._times(level), Include("brackets"))
            groups[f"value_{level}"] = self._values(level)
            always = Include("always")
            behind, value = Include(f"behind_{level}"), Include(f"value_{level}")
            contexts[f"after_{level}"] = Context((always, behind))
            contexts[f"number_{level}"] = Context((always, self._rule("UNIT", "unit"), behind))
            contexts[f"size_{level}"] = Context((always, value))
            contexts[f"member_{level}"] = Context((always, *self._members(level)))
            contexts[f"flow_{level}"] = Context((always, self._operation(level)))
            joints = (self._rule("ARROW", "operator", f"flow_{level}"), self._dot(level))
            restarts = self._restarts() if level != "file" else ()
            groups[f"all_{level}"] = (always, *restarts, value, *joints, Include("operators"))
        groups["operators"] = self._operators()
        contexts["file"] = Context((Include("always"), *self._first_items(), Include("all_file")))
        for level in ("body", "braces"):
            rest = f"{level}_rest"
            shut = Rule(rf"(?={self._terminals['RBRACE']})", None)
            opened = [Rule(rule.pattern, rule.kind, rest) for rule in self._heads(level)]
            into = Rule(r"(?=[^ \t\r\n#}])", None, rest)
            contexts[level] = Context((Include("always"), *opened, into), close=self._sign("RBRACE"))
            contexts[rest] = Context((Include(f"all_{level}"),), close=shut)
        contexts["parens"] = Context((Include("all_inner"),), close=self._sign("RPAR"))
        contexts["list"] = Context((Include("all_inner"),), close=self._sign("RSQB"))
        contexts |= self._declared()
        return Machine(contexts, groups)

    # Tokens

    def _rule(self, terminal: str, kind: str, push: str | None = None) -> Rule:
        return Rule(self._terminals[terminal], kind, push)

    def _sign(self, terminal: str, push: str | None = None) -> Rule:
        return self._rule(terminal, "punctuation", push)

    @staticmethod
    def _always() -> tuple[Rule, ...]:
        return (Rule(r"#[^\n]*", "comment"),)

    def _brackets(self) -> tuple[Rule, ...]:
        return (self._sign("LPAR", "parens"), self._sign("LSQB", "list"), self._sign("LBRACE", "braces"))

    def _operators(self) -> tuple[Rule, ...]:
        signs = ("ELLIPSIS", "COMMA", "COLON", "SEMICOLON", "VBAR")
        reserved = Rule(words(RESERVED), "keyword")
        return (reserved, *[self._sign(n) for n in signs], *[self._rule(n, "operator") for n in _OPERATORS])

    def _dot(self, level: str) -> Rule:
        """`.` alone, behind a value; the longer signs are others."""
        return Rule(r"\.(?!\.)", "punctuation", f"member_{level}")

    # Values, and what may stand behind one

    def _values(self, level: str) -> tuple[Rule, ...]:
        after = f"after_{level}"
        return (
            self._rule("STRING", "string", after),
            Rule(r'"[^"\n]*$', "string", after),  # not closed yet
            self._rule("NUMBER", "number", f"number_{level}"),
            Rule(words(CONSTANTS), "constant", after),
            self._key(after),
            Rule(rf"{words(PRELUDE)}(?={self._soon}\()", "builtin", after),
            self._operation(level, rf"(?={self._soon}[({{])"),
            self._call(after),
            self._rule("NAME", "name", after),
            Rule(r"(?=[(\[{])", None, after),
        )

    def _operation(self, level: str, ahead: str = "") -> Rule:
        """An operation: where it is given something, and behind `->`. Files call other things `scale` or `mean`."""
        return Rule(f"{words(OPERATIONS.keys() - PRELUDE.keys())}{ahead}", "operation", f"after_{level}")

    def _key(self, push: str | None) -> Rule:
        return Rule(rf"{self._terminals['NAME']}(?={self._soon}:)", "key", push)

    def _call(self, push: str) -> Rule:
        return Rule(rf"{self._terminals['NAME']}(?={self._soon}\()", "function", push)

    def _members(self, level: str) -> tuple[Rule, ...]:
        after = f"after_{level}"
        return (self._key(after), self._call(after), self._rule("NAME", "name", after))

    def _times(self, level: str) -> tuple[Rule, ...]:
        """`x` between extents. By lines, one at the end of its line is believed."""
        sign = re.fullmatch(r"(\w+)\(\?=(.+)\)", self._terminals["TIMES"])
        if sign is None:
            raise ValueError("the sign of sizes is no longer a letter and what must come")
        ahead = rf"{sign[2]}|{self._soon}(?:#[^\n]*)?$" if self._by_lines else sign[2]
        return (Rule(f"{sign[1]}(?={ahead})", "size", f"size_{level}"),)

    def _heads(self, level: str) -> tuple[Rule, ...]:
        """The name that begins an entry: no name stands behind a value otherwise."""
        if level == "inner":
            return ()
        times = self._times(level)[0].pattern
        name = rf"(?!{times}){self._terminals['NAME']}"
        ahead = rf"(?={self._soon}[:{{.])"
        field = (Rule(rf"{self._fields}{ahead}", "field"),) if level == "body" else ()
        return (*field, Rule(rf"{name}{ahead}", "key"), Rule(name, "name"))

    # Items

    def _items(self) -> tuple[Rule, ...]:
        """What begins an item where one may begin."""
        return (
            self._rule("KIND", "declaration", "declared"),
            self._rule("MODELS", "declaration", "family"),
            self._rule("ARCH", "import"),
            self._rule("USE", "import", "used"),
        )

    def _first_items(self) -> tuple[Rule, ...]:
        """The same at the beginning of a text, where it is told from names by what follows."""
        kind, models, arch, use = self._items()
        return (
            Rule(f"{kind.pattern}(?={self._begins})", kind.kind, kind.push),
            Rule(rf"{models.pattern}(?={self._begins}{self._soon}\[)", models.kind, models.push),
            Rule(rf"{arch.pattern}(?=[ \t]+[0-9])", arch.kind),
            Rule(rf'{use.pattern}(?=[ \t]+["A-Za-z_])', use.kind, use.push),
        )

    def _restarts(self) -> tuple[Rule, ...]:
        """A line that only a declaration begins with, though a bracket is open, which is still to be closed."""
        kind = self._items()[0]
        return (Rule(rf"^{kind.pattern}(?={self._begins}{self._soon}(?:[({{=]|refines\b))", kind.kind, kind.push),)

    def _declared(self) -> dict[str, Context]:
        """Behind `block`, `model`, … and behind `use`."""
        # A word that begins items is a name here if something of a name comes behind it: an item has its name there.
        item = rf"(?!(?<!\.){self._item}(?!{self._soon}(?:[({{\[=.]|refines\b)))"
        name = f"{item}{self._terminals['NAME']}"
        always = Include("always")
        imports = (always, self._sign("COMMA"), Rule(self._terminals["NAME"], "name", "imported"))
        return {
            "declared": Context((always, Rule(name, "definition", "header"))),
            "header": Context(
                (
                    always,
                    self._sign("LPAR", "parens"),
                    self._rule("REFINES", "declaration", "base"),
                    self._sign("LBRACE", "body"),
                )
            ),
            "base": Context((always, self._rule("NAME", "name"))),
            "family": Context((always, Rule(name, "name", "after_file"))),
            "used": Context(
                (
                    always,
                    Rule(name, "module", "from"),
                    self._rule("STRING", "string", "from"),
                    Rule(r'"[^"\n]*$', "string"),
                )
            ),
            "from": Context((always, Rule(r"\.(?!\.)", "punctuation", "used"), self._sign("LBRACE", "imports"))),
            "imports": Context(imports, close=self._sign("RBRACE")),
            "imported": Context((always, self._rule("AS", "import", "renamed"))),
            "renamed": Context((always, self._rule("NAME", "name"))),
        }


__all__ = ["BLANK", "Context", "Include", "Machine", "Rule", "machine", "words"]
