"""Every diagnostic that a file can produce, in the language itself: see `chunks` for the notation.

Two kinds of comment are added to it, under the line that they speak of. `# -- words` has dashes under the span of a
label that some diagnostic of the chunk has, and words of its text. `# help: words` stands below an expectation, and
is said by the help, or is the replacement of an edit, of a diagnostic on that line. A line `#! file path` begins
another file of the chunk's project.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chunks import Chunk, mismatches, read_folder
from reading import Texts

from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.source import Source
from archdsl.spaces.check import check_spaces
from archdsl.views.diagnostics import render_text

pytestmark = pytest.mark.fast

HERE = Path(__file__).parent
PACKAGE = Path(__import__("archdsl").__file__).parent
CHUNKS = read_folder(HERE)
_LABEL = re.compile(r"\s*#\s*(--*) (.+)")
_HELP = re.compile(r"\s*# help: (.+)")

ELSEWHERE = {
    "E111": "a file of more than 1 MiB: tests/test_files.py, tests/hostile",
    "E112": "a file that is not UTF-8: tests/test_files.py, tests/hostile",
    "E113": "characters that cannot be seen: tests/test_files.py, tests/hostile",
    "E107": "200,000 tokens: tests/hostile",
    "E108": "50 syntax errors: tests/hostile",
    "E115": "200 files: tests/hostile",
    "E116": "10,000 models: tests/hostile",
    "E701": "a warning of compile and train: tests/cli/test_training_warnings.py",
    "E702": "a warning of compile: tests/cli/test_training_warnings.py",
    "E320": "scalings with names for numbers, on the command line: tests/properties/test_leading.py",
    "E391": "100,000 operations: tests/hostile",
    "E392": "5,000,000 steps: tests/hostile",
}
"""Codes whose cases need a file system, or a size that does not fit in a chunk."""


def diagnosed(chunk: Chunk) -> Diagnostics:
    heads = [*re.finditer(r"^#! file (.+)\n", chunk.text, re.MULTILINE)]
    ends = [*(head.start() for head in heads), len(chunk.text)]
    main = chunk.text[: ends[0]]
    # The lines above a file are left empty, so that its lines count as those of the chunk.
    files = {
        head[1]: "\n" * chunk.text.count("\n", 0, head.end()) + chunk.text[head.end() : end]
        for head, end in zip(heads, ends[1:], strict=True)
    }
    compiler = Compiler(Texts(files))
    program, compilations, diagnostics = compiler.check(Source("case.arch", main))
    check_spaces(compiler, program, diagnostics)
    assert diagnostics.failed or all(isinstance(c, Compiled) for c in compilations)
    return diagnostics


def unsaid(chunk: Chunk, diagnostics: list[Diagnostic]) -> list[str]:
    """The labels and helps of a chunk's comments that no diagnostic has."""
    faults = []
    meant = 0
    for number, line in enumerate(chunk.text.split("\n"), 1):
        label, help_ = _LABEL.fullmatch(line), _HELP.fullmatch(line)
        if label:
            columns = label.start(1) + 1 if line.index("#") + 1 < label.start(1) else line.index("#") + 1
            width = label.end(1) + 1 - columns
            found = [
                other
                for d in diagnostics
                for other in d.labels
                if other.span.source.position(other.span.start) == (meant, columns)
                and other.span.end - other.span.start == width
            ]
            if not any(label[2] in other.text for other in found):
                faults.append(f"no label {label[2]!r} at {meant}:{columns}")
        elif help_:
            here = [d for d in diagnostics if d.span.source.position(d.span.start)[0] == meant]
            if not any(help_[1] in (d.help or "") or any(help_[1] == e.replacement for e in d.edits) for d in here):
                faults.append(f"no help {help_[1]!r} on line {meant}: {[d.help for d in here]}")
        elif not line.lstrip().startswith("#"):
            meant = number
    return faults


@pytest.mark.parametrize("chunk", CHUNKS, ids=str)
def test_errors(chunk: Chunk) -> None:
    """A message is one sentence that begins in lower case or with a name, without a full stop."""
    said = list(diagnosed(chunk))
    faults = mismatches(chunk, said) + unsaid(chunk, said)
    assert not faults, "\n".join([*faults, "", *(render_text(d, color=False) for d in said)])
    for diagnostic in said:
        message = diagnostic.message
        assert re.match(r"[a-z0-9`\"]", message), message
        assert not message.endswith("."), message
        for edit in diagnostic.edits:
            assert edit.span.start <= edit.span.end <= len(edit.span.source.text)


def test_codes() -> None:
    """Every code has a case, and every case a code."""
    known = set(re.findall(r'"(E[1-7]\d\d)"', "\n".join(p.read_text("utf-8") for p in sorted(PACKAGE.rglob("*.py")))))
    here = {e.code for chunk in CHUNKS for e in chunk.expectations}
    syntax = {e.code for chunk in read_folder(HERE.parent / "syntax" / "errors") for e in chunk.expectations}
    assert known == here | syntax | set(ELSEWHERE)
    assert not here & set(ELSEWHERE)
    assert {code for code in known if code > "E2"} == {code for code in here | set(ELSEWHERE) if code > "E2"}
