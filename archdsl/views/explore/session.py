"""The one function behind the page: a request in, an answer out, the same for the same texts.

A session keeps what was parsed and traced, so that the second answer is quick. It is for one thread at a time. All work
is bounded by the compiler's limits (`archdsl.limits`) and those of this package; who needs a bound on seconds ends the
process.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from archdsl.analysis.changes import SCALINGS
from archdsl.analysis.program import Definition, Program, Reader
from archdsl.analysis.resolve import load_library
from archdsl.analysis.traces import Traces
from archdsl.compiler import Changes, Compilation, Compiled, Compiler, Memory
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.editor import Workspace, completion, hints, hover
from archdsl.editor import diagnostics as diagnostics_of
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.spaces.opened import Text
from archdsl.syntax.formatter import format_source
from archdsl.views.diff import Side, diff_report
from archdsl.views.explore.members import member_text, population_of, table_of
from archdsl.views.explore.models import call_of, changes_asked, curves_asked, module_of, scaled_rows, view_of
from archdsl.views.explore.report import EditReport, ExploreAnswer, NamesReport, OpenedReport, StartReport
from archdsl.views.explore.request import ExploreRequest, Kind, RequestFault, request_of
from archdsl.views.explore.shipped import shipped_files
from archdsl.views.explore.texts import SHIPPED, SUFFIX, UNTITLED, Texts, problems_of, shipped_path, written_path

MAX_ANSWER = 8 << 20
"""Characters of an answer."""


class Session:
    """Answers requests about texts; `own` reads the files beside the one that was given, `shipped` those of archdsl."""

    def __init__(self, start: StartReport, own: Reader, shipped: Reader) -> None:
        self._start = start
        self._readers = {False: Texts(own), True: Texts(shipped)}
        self._traces, self._memory = Traces(), Memory()
        self._written = {shipped: Workspace(texts) for shipped, texts in self._readers.items()}

    def forget(self) -> None:
        """Files have changed: what was read of them is read again."""
        for workspace in self._written.values():
            workspace.touch()

    def answer_text(self, text: str) -> str:
        """JSON in, JSON out. No exception is a fault of the request."""
        try:
            answer = self.answer(request_of(text))
        except RequestFault as fault:
            answer = ExploreAnswer(str(fault))
        found = json.dumps(asdict(answer), separators=(",", ":"))
        if len(found) > MAX_ANSWER:
            answer = ExploreAnswer(f"the answer has more than {MAX_ANSWER:,} characters")
            return json.dumps(asdict(answer), separators=(",", ":"))
        return found

    def answer(self, request: ExploreRequest) -> ExploreAnswer:
        """What is told to a request. Raises `RequestFault` for one that asks for what there is not."""
        return _ANSWERS[request.kind](self, request)

    # What there is

    def _started(self, request: ExploreRequest) -> ExploreAnswer:  # noqa: ARG002 - nothing is asked
        return ExploreAnswer(start=self._start)

    def _shipped(self, request: ExploreRequest) -> ExploreAnswer:  # noqa: ARG002 - nothing is asked
        return ExploreAnswer(shipped=shipped_files())

    def _opened(self, request: ExploreRequest) -> ExploreAnswer:
        path = shipped_path(SHIPPED + request.name)
        if path is None:
            raise RequestFault("no file of that name ships with archdsl")
        return ExploreAnswer(opened=OpenedReport(SHIPPED + path, read_data(path)))

    def _formatted(self, request: ExploreRequest) -> ExploreAnswer:
        source = self._source(request.path, request.text)
        try:
            text = format_source(source)
        except Fault as fault:
            return ExploreAnswer(problems=problems_of([fault.diagnostic]))
        return ExploreAnswer(opened=OpenedReport(request.path, text))

    # While it is written

    def _edited(self, request: ExploreRequest) -> ExploreAnswer:
        workspace, path = self._workspace(request)
        found = EditReport(diagnostics_of(workspace, path), hints(workspace, path))
        return ExploreAnswer(edit=found)

    def _completed(self, request: ExploreRequest) -> ExploreAnswer:
        return ExploreAnswer(completion=completion(*self._workspace(request), request.offset))

    def _hovered(self, request: ExploreRequest) -> ExploreAnswer:
        return ExploreAnswer(hover=hover(*self._workspace(request), request.offset))

    def _workspace(self, request: ExploreRequest) -> tuple[Workspace, str]:
        """The text over the files beside it; others that were edited before are what the files have again."""
        source = self._source(request.path, request.text)
        workspace = self._written[shipped_path(request.path) is not None]
        for path in workspace.paths():
            if path != source.path:
                workspace.close(path)
        workspace.change(source.path, source.text)
        return workspace, source.path

    # Models

    def _viewed(self, request: ExploreRequest) -> ExploreAnswer:
        diagnostics = Diagnostics()
        compiler, program = self._program(request.path, request.text, diagnostics)
        names = self._names(compiler, program)
        result = self._compiled(compiler, program, request, changes_asked(request), diagnostics)
        view = None
        if result is not None:
            base = None
            if request.scalings:
                plain = changes_asked(request, scaled=False)
                base = self._compiled(compiler, program, request, plain, Diagnostics())
            view = view_of(request, result, base)
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, names=names, view=view)

    def _emitted(self, request: ExploreRequest) -> ExploreAnswer:
        result, diagnostics = self._result(request)
        files = module_of(request, result) if result is not None else None
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, files=files)

    def _scaled(self, request: ExploreRequest) -> ExploreAnswer:
        curves, diagnostics = curves_asked(request), Diagnostics()
        compiler, program = self._program(request.path, request.text, diagnostics)
        plain = changes_asked(request, scaled=False)
        base = self._compiled(compiler, program, request, plain, diagnostics)
        rows = None
        if base is not None:
            made = []
            for name in curves.strategies:
                for factor in curves.factors:
                    changes = Changes(plain.settings, (call_of(name, factor),), plain.input)
                    found = compiler.elaborate(program, base.name, changes, Diagnostics())
                    diagnostics.extend(found.diagnostics)
                    made.append((name, factor, found))
            rows = scaled_rows(base, made, request.convention)
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, scaled=rows)

    def _compared(self, request: ExploreRequest) -> ExploreAnswer:
        diagnostics, sides = Diagnostics(), []
        convention = CONVENTIONS[request.convention]
        for text, path, model in (
            (request.text, request.path, request.model),
            (request.other, request.other_path, request.other_model),
        ):
            compiler, program = self._program(path, text, diagnostics)
            one = ExploreRequest("view", model=model)
            result = self._compiled(compiler, program, one, Changes(), diagnostics)
            if result is not None:
                sides.append(Side(written_path(path) or UNTITLED, result, count(result.network, convention)))
        report = diff_report(*sides) if len(sides) == 2 else None
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, compared=report)

    # Spaces

    def _drawn(self, request: ExploreRequest) -> ExploreAnswer:
        diagnostics = Diagnostics()
        found = population_of(request, self._space(request), diagnostics)
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, population=found)

    def _table(self, request: ExploreRequest) -> ExploreAnswer:
        return ExploreAnswer(table=table_of(request))

    def _member(self, request: ExploreRequest) -> ExploreAnswer:
        diagnostics = Diagnostics()
        found = member_text(request, self._space(request), diagnostics)
        return ExploreAnswer(problems=problems_of(diagnostics), omitted=diagnostics.omitted, opened=found)

    def _space(self, request: ExploreRequest) -> Text:
        source = self._source(request.path, request.text)
        return Text(self._reader(request.path), source, request.model or None)

    # Texts

    def _reader(self, path: str) -> Texts:
        return self._readers[shipped_path(path) is not None]

    def _source(self, path: str, text: str) -> Source:
        where = shipped_path(path) or path or UNTITLED
        if not where.endswith(SUFFIX) or where.startswith(("/", SHIPPED)) or ".." in where.split("/"):
            raise RequestFault("the path is none of a program below the project's root")
        return Source(where, text, where)

    def _compiler(self, path: str) -> Compiler:
        return Compiler(self._reader(path), traces=self._traces, memory=self._memory)

    def _program(self, path: str, text: str, diagnostics: Diagnostics) -> tuple[Compiler, Program]:
        """A text as a program; what is wrong with it is reported."""
        compiler = self._compiler(path)
        return compiler, compiler.program(self._source(path, text), diagnostics)

    def _result(self, request: ExploreRequest) -> tuple[Compiled | None, Diagnostics]:
        diagnostics = Diagnostics()
        compiler, program = self._program(request.path, request.text, diagnostics)
        return self._compiled(compiler, program, request, changes_asked(request), diagnostics), diagnostics

    def _compiled(
        self,
        compiler: Compiler,
        program: Program,
        request: ExploreRequest,
        changes: Changes,
        diagnostics: Diagnostics,
    ) -> Compiled | None:
        """The model that was asked for, or the first of the text; none where it has no network."""
        models = program.models
        stem = program.entry.source.name.rpartition("/")[2].removesuffix(".arch")
        likely = [name for name in (request.model, stem) if name in models]
        name = likely[0] if likely else next(iter(models), None)
        if name is None:
            return None
        result: Compilation = compiler.elaborate(program, name, changes, diagnostics)
        return result if isinstance(result, Compiled) and result.sound else None

    def _names(self, compiler: Compiler, program: Program) -> NamesReport:
        """What can be chosen of a program."""
        standard = load_library(SCALINGS, compiler.read, compiler.library, Diagnostics())
        modules = [program.entry, *([standard] if standard is not None else [])]
        strategies = [
            name
            for module in modules
            for name, named in module.names.items()
            if _is_strategy(named) and (module is program.entry or name not in module.used)
        ]
        return NamesReport(tuple(program.models), tuple(program.spaces), tuple(dict.fromkeys(strategies)))


def _is_strategy(named: object) -> bool:
    """Whether it is a scaling with one number to give."""
    if not isinstance(named, Definition) or named.kind != "scaling":
        return False
    return [p.default is None for p in named.parameters[:2]] in ([True], [True, False])


_ANSWERS: dict[Kind, Callable[[Session, ExploreRequest], ExploreAnswer]] = {
    "start": Session._started,
    "shipped": Session._shipped,
    "open": Session._opened,
    "edit": Session._edited,
    "complete": Session._completed,
    "hover": Session._hovered,
    "format": Session._formatted,
    "view": Session._viewed,
    "module": Session._emitted,
    "scaling": Session._scaled,
    "compare": Session._compared,
    "population": Session._drawn,
    "table": Session._table,
    "member": Session._member,
}

__all__ = ["Session"]
