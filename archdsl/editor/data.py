"""What the editor is told: plain data, the same for the same texts.

A place is a document's name and code points in its text, counted from 0, the end exclusive. A document is named as the
program names its modules: a file by its path from the project's root, a module of the library by `std.regnet`. Texts
are plain; what a file says in a comment is never markup. `words.markdown` writes a hover as Markdown.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from archdsl.records import documented

MAX_PLACES = 2_000
"""Uses of a name, changes of a renaming, symbols, folds: more are left out, or refused where all are needed."""
MAX_COMPLETIONS = 200
MAX_HINTS = 500
MAX_TEXT = 4_000
"""Characters of one text of an answer; what is longer is cut and ends in an ellipsis."""

NameKind: TypeAlias = Literal[
    "module",
    "file",
    "model",
    "block",
    "fn",
    "scaling",
    "recipe",
    "space",
    "operation",
    "function",
    "parameter",
    "input",
    "local",
    "draw",
    "field",
    "section",
    "setting",
    "column",
    "part",
    "index",
    "keyword",
    "value",
]
"""What a name is: `operation` of std.ops, `function` of the prelude, `parameter` of a declaration, `input` of a block,
`local` with `=`, `draw` with `~`; `field` and `section` of the language, `setting` of an operation, `column` of a
table, `part` behind a dot (`x.channels`, `stage.depth`), `index` (`block`, `stage` in a stage), `value` a word such as
true."""


@documented
class Place:
    """Characters of a document."""

    path: str
    """A path from the project's root, or the name of a module of the library: `std.regnet`."""
    start: int
    end: int


@documented
class Change:
    """Replace the characters of a place by a text; an empty place inserts."""

    path: str
    start: int
    end: int
    text: str


@documented
class Related:
    """Another place that matters to a problem, and what to say about it."""

    place: Place
    text: str


@documented
class Problem:
    """A diagnostic."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    place: Place
    label: str
    """What stands under the place itself; may be empty."""
    related: tuple[Related, ...]
    help: str | None
    changes: tuple[Change, ...]
    """The edit that mends it; empty where none is known."""


@documented
class Fact:
    """A line of a hover: `width`, `32`, and where it comes from."""

    name: str
    value: str
    note: str = ""


@documented
class Hover:
    """What is known of a place."""

    place: Place
    """The name or number that it is about."""
    kind: NameKind
    signature: str
    """A line of the language: the head of a declaration, `width: 32`; may be empty."""
    text: str
    """Documentation, plain."""
    facts: tuple[Fact, ...]
    """Settings with defaults, shapes, costs, provenance: in order."""
    declared: Place | None
    """Where the name is declared."""


@documented
class Proposal:
    """One way to go on."""

    label: str
    kind: NameKind
    detail: str
    """A few words beside the label: a default, a signature."""
    text: str
    """Documentation, plain."""
    insert: str
    """What takes the place of the characters from `Completion.start` to `Completion.end`."""
    changes: tuple[Change, ...] = ()
    """What else is to be changed, all of it elsewhere: the `use` of a name that the file does not have yet."""


@documented
class Completion:
    """What may stand at a place, the likeliest first."""

    start: int
    end: int
    proposals: tuple[Proposal, ...]
    more: bool
    """Whether some were left out: ask again when more letters are typed."""


@documented
class Use:
    """A name where it is written."""

    place: Place
    declares: bool
    """Whether it is declared here, not used."""


@documented
class Refused:
    """Why nothing is renamed."""

    message: str
    place: Place | None = None
    """What it collides with."""


@documented
class Renamable:
    """A name that may be renamed."""

    place: Place
    name: str
    kind: NameKind
    note: str = ""
    """What else changes with it, for the user to know; may be empty."""


@documented
class Symbol:
    """A declaration, or what stands in one."""

    name: str
    kind: NameKind
    detail: str
    place: Place
    """The name."""
    whole: Place
    """All of it."""
    children: tuple[Symbol, ...]


@documented
class Hint:
    """What is shown behind a line of the text, and is no part of it."""

    offset: int
    """The end of the line."""
    text: str
    """`256 x 14 x 14 · 1.2G flops · 4.1M params`"""
    detail: str
    """What is shown when it is pointed at: of which model, exact numbers."""
    model: str


@documented
class Action:
    """An edit that is offered."""

    title: str
    code: str
    """The code of the problem that it mends."""
    changes: tuple[Change, ...]
    place: Place
    """That of the problem."""


@documented
class Fold:
    """Characters that can be folded away: between a bracket and its partner, or lines of comment."""

    start: int
    end: int
    kind: Literal["region", "comment", "uses"]


TokenKind: TypeAlias = Literal[
    "keyword",
    "comment",
    "string",
    "number",
    "operator",
    "model",
    "block",
    "fn",
    "scaling",
    "recipe",
    "space",
    "operation",
    "function",
    "parameter",
    "local",
    "property",
    "module",
    "fault",
]


@documented
class Token:
    """Characters with a colour."""

    start: int
    end: int
    kind: TokenKind
    declares: bool
    library: bool
    """Whether the name comes with the language: from std, or of the prelude."""


@documented
class Parameter:
    """A parameter of a signature: characters of its label."""

    start: int
    end: int
    text: str


@documented
class Signature:
    """What a call takes."""

    label: str
    """`y_block(x; width, stride: 1, …)`"""
    text: str
    parameters: tuple[Parameter, ...]
    active: int | None
    """The index of the parameter at the place."""


@documented
class Total:
    """The cost of a model, exact, in the convention of the papers."""

    model: str
    input: tuple[int, ...]
    flops: int
    params: int
    acts: int
    place: Place
    """The name of the model where it is declared."""


__all__ = [
    "MAX_COMPLETIONS",
    "MAX_HINTS",
    "MAX_PLACES",
    "MAX_TEXT",
    "Action",
    "Change",
    "Completion",
    "Fact",
    "Fold",
    "Hint",
    "Hover",
    "NameKind",
    "Parameter",
    "Place",
    "Problem",
    "Proposal",
    "Refused",
    "Related",
    "Renamable",
    "Signature",
    "Symbol",
    "Token",
    "TokenKind",
    "Total",
    "Use",
]
