"""Text to syntax tree. What enters is a `Source`; what leaves is a `File` and diagnostics, always.

The grammar is `grammar/arch.lark`; `tables` has what it says, and `machine` runs that. The tree is built bottom-up
while the machine reduces, so no text is nested too deep to be read, and every item that was complete before a
syntax error is kept.

Where the parser stops, `mistakes.explain` says why. If the mistake has one obvious edit, the parser makes it
on the stream of lexemes and goes on, so that one missing comma costs one message and no declaration.
Where no edit is meant but something is missing, or the rest of an entry is not understood, holes stand for that
(`holes`): a fault costs the value in which it stands, not the declaration. Where not even that can be done it starts
again at the next line that begins a declaration: layout has no meaning in the language, but it is the best guess at
where the writer meant one to begin. No text is read twice, and a fault within two lexemes of a mended one is its
consequence and is not told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from archdsl import limits
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.once import once
from archdsl.resources import read_data
from archdsl.source import Source, Span, text_fault
from archdsl.syntax import ast, faults, holes
from archdsl.syntax.documentation import documented
from archdsl.syntax.faults import Break, Explanation, Lexeme, Mend
from archdsl.syntax.holes import Way
from archdsl.syntax.machine import Machine, Token, Unexpected, make_token
from archdsl.syntax.tables import tables
from archdsl.syntax.tree import TooDeep, TreeBuilder

_RESTART = re.compile(rf"^(?:{'|'.join(faults.ITEM_WORDS)})\b", re.MULTILINE)
_DECLARATION = re.compile(
    rf"(?:(?:{'|'.join(faults.DECLARATION_WORDS)})[ \t]+(?!(?:{'|'.join(faults.RESERVED)})\b|x[ \t])"
    r"[A-Za-z_][A-Za-z0-9_]*[ \t]*(?:[({=]|refines\b)"
    r"|models[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]*\["
    r"|use[ \t]+(?:[A-Za-z_][A-Za-z0-9_]*[ \t]*[.{]|\"))"
)
"""What can only be the beginning of an item where an item or an entry may begin: no entry juxtaposes two names."""
_COMMENT = re.compile(r"#[^\n]*")
_CALM = 2
"""So many lexemes after a mended fault the next one is a fault of its own."""
_TRIES = 3
"""So often one place is mended again before it is given up."""


class Read(NamedTuple):
    """What was read of a text."""

    file: ast.File
    diagnostics: list[Diagnostic]
    items: tuple[ast.Item, ...] = ()
    """The items of the file, without their documentation."""
    tokens: int = 0
    """No fewer than the text has."""


def parse(source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """Parse a whole file. Faults are diagnostics E1xx; the tree holds every item that could be read."""
    return read(source)[:2]


def read(source: Source) -> Read:
    """The same, with what another text is read by that differs a little."""
    fault = refused(source)
    if fault is not None:
        return Read(ast.File(source, (), complete=False), [fault])
    build = TreeBuilder(source)
    complete, _ = read_all(source, build)
    return as_read(source, build, build.items, complete, build.count)


def as_read(source: Source, build: TreeBuilder, items: Sequence[ast.Item], complete: bool, tokens: int) -> Read:
    """Items of a text, and the faults that were found, together."""
    file = ast.File(source, tuple(documented(source, items)), complete, tuple(build.patched))
    return Read(file, build.sorted_diagnostics(), tuple(items), tokens)


def read_from(source: Source, build: TreeBuilder, position: int, stops: frozenset[int]) -> tuple[bool, int | None]:
    """Read a text from an item on, until another begins at one of some places: whether nothing was left out, and the
    place that was met, or the end of the text; none where it was given up."""
    start: int | None = position
    complete = True
    while start is not None:
        reading = _Reading(source, start, "start", build, stops=stops)
        start = reading.run()
        complete = complete and reading.finished and not reading.skipped
    return complete, reading.met


def read_all(source: Source, build: TreeBuilder, *, keep: bool = False) -> tuple[bool, list[tuple[str, int, int]]]:
    """Read a whole text, starting again where a fault cannot be mended: whether nothing was left out, and, where they
    are kept, kind, start and end of the lexemes that were taken as they stand there."""
    position: int | None = 0
    complete = True
    seen: list[tuple[str, int, int]] = []
    while position is not None:
        seen = [taken for taken in seen if taken[1] < position]
        reading = _Reading(source, position, "start", build, keep)
        position = reading.run()
        complete = complete and reading.finished and not reading.skipped
        seen += reading.seen
    return complete, seen


def parse_expression(source: Source) -> tuple[ast.Expression | None, list[Diagnostic]]:
    """Parse one expression, for example a value given on the command line."""
    result, diagnostics = _parse_part(source, "expr")
    return result, diagnostics


def parse_body(source: Source) -> tuple[ast.Body | None, list[Diagnostic]]:
    """Parse one `{ … }` body."""
    result, diagnostics = _parse_part(source, "body")
    return result, diagnostics


def _parse_part(source: Source, start: str) -> tuple[Any, list[Diagnostic]]:
    fault = refused(source)
    if fault is not None:
        return None, [fault]
    build = TreeBuilder(source)
    reading = _Reading(source, 0, start, build)
    reading.run()
    diagnostics = build.sorted_diagnostics()
    return (None if diagnostics else reading.result), diagnostics


def tokens(source: Source) -> list[tuple[str, int, int]]:
    """Kind, start and end of every token and comment of a text that parses, in order.

    Raises `Fault` with the first syntax error. The formatter works on these.
    """
    fault = refused(source)
    if fault is not None:
        raise Fault(fault)
    build = TreeBuilder(source)
    reading = _Reading(source, 0, "start", build, keep=True)
    reading.run()
    if build.diagnostics:
        raise Fault(build.sorted_diagnostics()[0])
    found: list[tuple[str, int, int]] = []
    end = 0
    for lexeme in (*reading.seen, ("", len(source.text), len(source.text))):
        # Between two tokens stand blanks and comments.
        found += [("COMMENT", *match.span()) for match in _COMMENT.finditer(source.text, end, lexeme[1])]
        found.append(lexeme)
        end = lexeme[2]
    return found[:-1]


def refused(source: Source) -> Diagnostic | None:
    """What is wrong with a text as a text; every text is read here, whoever gives it."""
    fault = text_fault(source)
    if fault is None:
        return None
    return Diagnostic(fault.code, fault.message, Span(source, fault.offset, min(fault.offset + 1, len(source.text))))


class _TooLong(Exception):
    """The file has more tokens, or more faults, than are read."""


class _Reading:
    """One run of the parser over a text from an offset, as far as faults can be mended."""

    def __init__(
        self,
        source: Source,
        position: int,
        start: str,
        build: TreeBuilder,
        keep: bool = False,
        stops: frozenset[int] = frozenset(),
    ) -> None:
        self.source = source
        self.build = build
        self.result: Any = None
        self.finished = False
        self.skipped = False
        """Whether something was left out that is not in the tree."""
        self.seen: list[tuple[str, int, int]] = []
        self.met: int | None = None
        """Where it stopped: one of `stops`, or the end of the text."""
        self._keep = keep
        self._stops = stops
        self._position = position
        self._machine = Machine(source.text, position, start, build)
        self._opened: list[Lexeme] = []
        self._before: Token | None = None
        self._earlier: Token | None = None
        self._calm = _CALM
        self._mended_at = -1
        self._tries = 0

    def run(self) -> int | None:
        """Read to the end, or to a fault that cannot be mended: then the offset to start again at, if any."""
        try:
            while True:
                try:
                    self._read()
                except Unexpected as unexpected:
                    at = self._break(unexpected.found, stopped=True)
                    if not self._settle(at, self._explain(at)):
                        return self._restart(at)
                else:
                    return None
        except TooDeep as deep:
            self.build.diagnostics.append(_too_deep(deep.span))
            return self._next_item(deep.span.end) if self._count_fault(deep.span.start) else None
        except _TooLong:
            return None

    def _read(self) -> None:
        build, source, machine = self.build, self.source, self._machine
        text = source.text
        opened = self._opened
        while (token := machine.next_token()) is not None:
            start = token.start_pos
            build.count += 1
            if build.count > limits.MAX_TOKENS:
                message = f"the file has more than {limits.MAX_TOKENS:,} tokens"
                build.diagnostics.append(Diagnostic("E107", message, Span(source, start, token.end_pos)))
                raise _TooLong
            begins = (start == 0 or text[start - 1] == "\n") and _DECLARATION.match(text, start)
            if begins and not opened and not machine.takes((machine.lexeme_at(start).kind, "NAME")):
                raise Unexpected(machine.lexeme_at(start))  # what is before it is not whole
            if begins and opened:
                at = self._break(token.lexeme, stopped=False)
                mend = Mend(faults.closers(at), start)
                if holes.filled(machine, machine.states, mend.lexemes) is not None:
                    diagnostic = faults.left_open(at, start, "the next declaration begins here", None)
                    if not self._settle(at, Explanation(diagnostic, mend)):
                        raise _TooLong
                    return self._read()
            machine.feed(token.type, token)
            self._track(token)
            self._calm += 1
            if self._keep:
                self.seen.append((token.type, start, token.end_pos))
            if start in self._stops and not opened and machine.begins_item:
                self.met = start
                break
        else:
            self.result = machine.finish()
            self.met = len(text)
        self.finished = True
        return None

    def _track(self, token: Token) -> None:
        """Note a lexeme that the parser has taken."""
        self._earlier, self._before = self._before, token
        if token in faults.CLOSING and token.type != "STRING":
            self._opened.append(token.lexeme)
            if len(self._opened) > limits.MAX_NESTING:
                raise TooDeep(token.lexeme.span(self.source))
        elif token in faults.KINDS and self._opened:
            self._opened.pop()

    def _break(self, found: Lexeme, *, stopped: bool) -> Break:
        machine = self._machine
        accepted = machine.accepted() if stopped else frozenset[str]()
        before = self._before.lexeme if self._before is not None else None
        earlier = self._earlier.lexeme if self._earlier is not None else None
        return Break(self.source, found, before, earlier, tuple(self._opened), accepted, machine.state)

    def _explain(self, at: Break) -> Explanation:
        declaration = _line_start(self.source, at.found.start)
        if at.opened and at.found.start > declaration > self._position and self._heads_item(at, declaration):
            return Explanation(faults.left_open(at, declaration, "the next declaration begins here", None))
        from archdsl.syntax.mistakes import explain  # what explains faults is loaded for one

        return explain(at, _sentences(), _spellings())

    def _heads_item(self, at: Break, line_start: int) -> bool:
        """Whether the fault stands right behind a declaration word at the beginning of a line."""
        first = at.before is not None and at.before.start == line_start
        return first and _RESTART.match(self.source.text, line_start) is not None and at.found.kind == "NAME"

    def _settle(self, at: Break, explanation: Explanation) -> bool:
        """Tell a fault and mend it; false where it cannot be mended."""
        diagnostic, mend = explanation
        if not self._count_fault(at.found.start):
            raise _TooLong
        if self._calm >= _CALM:
            self.build.diagnostics.append(diagnostic)
        self._calm = 0
        self._tries = self._tries + 1 if at.found.start <= self._mended_at else 0
        way = self._way(at, mend) if self._tries <= _TRIES else None
        if way is None:
            return False
        self._mended_at = at.found.start
        self.skipped = self.skipped or way.skipped
        if way.guessed:
            self.build.patched.append(self._around(at, diagnostic.span, way.resume))
        if way.undo:
            self._take_back()
        gap = self._before.end_pos if self._before is not None else at.found.start
        given = list(mend.lexemes) if mend is not None and not way.skipped else []
        for kind, text in way.lexemes:
            own = bool(given) and given[0] == (kind, text)
            given = given[own:]  # what the mend does not name fills a gap behind the lexeme before
            token = make_token(kind, text, *((at.found.start, way.resume) if own else (gap, gap)))
            self._machine.feed(kind, token)
            self._track(token)
        self._machine.offset = way.resume
        return True

    def _way(self, at: Break, mend: Mend | None) -> Way | None:
        """How to go on: as the mend says, else with what is missing, else behind what is not understood."""
        machine = self._machine
        if mend is not None:
            states = self._states(mend.undo)
            lexemes = holes.filled(machine, states, mend.lexemes) if states is not None else None
            if lexemes is not None:
                return Way(lexemes, mend.resume, mend.undo)
        return holes.before(machine, at) or holes.past(machine, at)

    def _around(self, at: Break, told: Span, resume: int) -> Span:
        """The lexemes around a fault that are not read as they were meant: those of its line, up to where it goes
        on."""
        text, found = self.source.text, at.found
        start, end = min(told.start, found.start), max(told.end, resume)
        for lexeme in (at.before, at.earlier):
            if lexeme is None or "\n" in text[lexeme.end : start]:
                break
            start = min(start, lexeme.start)
        if at.before is None or "\n" not in text[at.before.end : found.start]:
            end = max(end, found.end)
        return Span(self.source, start, end)

    def _count_fault(self, position: int) -> bool:
        self.build.faults += 1
        if self.build.faults <= limits.MAX_SYNTAX_ERRORS:
            return True
        message = f"more than {limits.MAX_SYNTAX_ERRORS} syntax errors"
        self.build.diagnostics.append(Diagnostic("E108", message, Span(self.source, position, position)))
        return False

    def _states(self, undo: bool) -> list[int] | None:
        """The parser's states, with the last lexeme taken back or not; none where that cannot be done any more."""
        machine = self._machine
        if not undo:
            return machine.states
        last = machine.values[-1] if machine.values else None
        if self._before is None or not isinstance(last, Token) or last.start_pos != self._before.start_pos:
            return None
        return machine.states[:-1]

    def _take_back(self) -> None:
        """Forget the last lexeme, which is on top of the parser's stack and is no bracket."""
        self._machine.states.pop()
        self._machine.values.pop()
        if self.seen:
            self.seen.pop()
        self._before, self._earlier = self._earlier, None

    def _restart(self, at: Break) -> int | None:
        """Where to go on after a fault that could not be mended: at the next line that begins a declaration.

        A fault right behind a declaration word at the start of a line, with a bracket open, means that the
        declaration before it was left open, and that this word begins the next one.
        """
        line_start = _line_start(self.source, at.found.start)
        if line_start > self._position and _DECLARATION.match(self.source.text, line_start) and not at.opened:
            return line_start
        if at.opened and line_start > self._position and _RESTART.match(self.source.text, line_start):
            before = at.before.start if at.before is not None else -1
            if line_start in {before, at.found.start}:
                return line_start
        return self._next_item(at.found.start + 1)

    def _next_item(self, after: int) -> int | None:
        match = _RESTART.search(self.source.text, after)
        return match.start() if match else None


def _too_deep(span: Span) -> Diagnostic:
    message = f"nested more than {limits.MAX_NESTING} levels deep"
    return Diagnostic("E106", message, Span(span.source, span.start, min(span.end, span.start + 1)))


def _line_start(source: Source, position: int) -> int:
    return source.text.rfind("\n", 0, position) + 1


# Syntax messages stand beside the grammar: a malformed example, and the sentence for what breaks it.


@once
def _spellings() -> dict[str, str]:
    return {name: re.sub(r"\\b|\(\?!.*\)", "", value) for name, value, _ in tables().terminals}


@once
def _sentences() -> dict[tuple[int, str], tuple[str, str | None]]:
    """(parser state, kind of token) -> message and help, from `grammar/messages.txt`."""
    table: dict[tuple[int, str], tuple[str, str | None]] = {}
    for chunk in read_data("grammar/messages.txt").split("\n---\n"):
        lines = [line for line in chunk.split("\n") if line and not line.startswith("#!")]
        fields = dict(line.split(": ", 1) for line in lines if line.startswith(("message: ", "any: ", "help: ")))
        example = "\n".join(line for line in lines if not line.startswith(("message: ", "any: ", "help: ")))
        key = _state_at_fault(example)
        if key is None:
            raise ValueError(f"grammar/messages.txt: the example is not malformed: {example}")
        if "any" in fields:
            key = (key[0], "*")
        if key in table:
            raise ValueError(f"grammar/messages.txt: another example breaks in the same state: {example}")
        table[key] = (fields.get("any") or fields["message"], fields.get("help"))
    return table


def _state_at_fault(text: str) -> tuple[int, str] | None:
    machine = Machine(text, 0, "start", TreeBuilder(Source("example", text)))
    try:
        while (found := machine.next_token()) is not None:
            machine.feed(found.type, found)
        machine.finish()
    except Unexpected as unexpected:
        return machine.state, unexpected.found.kind
    return None
