"""The highlighters color as the compiler reads: Pygments, and TextMate and CodeMirror in their own engines."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from compiled_kinds import kinds
from pygments.lexers import get_lexer_for_filename
from pygments.token import Token, Whitespace

from archdsl.highlighting.kinds import KINDS
from archdsl.highlighting.lexer import ArchLexer
from archdsl.highlighting.outputs import CODEMIRROR, TEXTMATE, outputs
from archdsl.source import Source

ROOT = Path(__file__).resolve().parent.parent.parent
ENGINES = Path(__file__).parent / "engines"
FILES = (*sorted((ROOT / "specs").rglob("*.arch")), Path(__file__).with_name("words.arch"))
"""Everything that ships, and a text that uses soft words wherever they are names."""

Tokens = Iterable[tuple[int, int, str]]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    found = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    found["CRLF"] = found["regnety_4gf.arch"].replace("\n", "\r\n")
    found["UTF-16"] = 'arch 1 # 🂡\nmodel m { source { paper: "🂡" } x: 3 } # 🂡\n'
    return found


@pytest.fixture(scope="module")
def expected(texts: dict[str, str]) -> dict[str, list[str]]:
    return {name: colored(text, kinds(Source(name, text))) for name, text in texts.items()}


@pytest.fixture(scope="module")
def engines(texts: dict[str, str]) -> Mapping[str, list[list[tuple[int, int, str]]]]:
    """What the engines of editors say of the texts, and of broken ones behind them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed: the engines of editors run there")
    place = shutil.copytree(ENGINES, ROOT / "build" / "highlighting", dirs_exist_ok=True)
    lock, installed = place / "package-lock.json", place / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(["npm", "ci"], cwd=place, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install the engines: {done.stderr.strip().partition(chr(10))[0]}")
    given = json.dumps([*texts.values(), *broken(texts)])
    files = [str(ROOT / TEXTMATE), str(ROOT / CODEMIRROR)]
    command = ["node", "color.mjs", *files]
    done = subprocess.run(command, cwd=place, input=given, capture_output=True, text=True, timeout=300, check=True)
    found: dict[str, list[list[tuple[int, int, str]]]] = json.loads(done.stdout)
    return found


def broken(texts: Mapping[str, str]) -> list[str]:
    """Beginnings of the texts, and texts with a piece taken out: what stands in an editor while one types."""
    chance = random.Random(14)
    found = []
    for text in texts.values():
        cut = chance.randrange(len(text))
        found += [text[:cut], text[:cut] + text[cut + chance.randrange(1, 40) :]]
    return found


def placed(text: str, tokens: Tokens, kind_of: Mapping[str, str]) -> Tokens:
    """Tokens of an engine, which counts in UTF-16 units, by characters and our kinds."""
    place = {0: 0}
    unit = 0
    for number, character in enumerate(text, 1):
        unit += 1 if character <= "\uffff" else 2
        place[unit] = number
    return [(place[start], place[end], kind_of[name]) for start, end, name in tokens]


def colored(text: str, tokens: Tokens) -> list[str]:
    """The kind of each character; what it says of blanks between tokens is not looked at."""
    found = [""] * len(text)
    for start, end, kind in tokens:
        found[start:end] = [kind] * (end - start)
    return found


def differing(text: str, one: list[str], other: list[str]) -> list[str]:
    """Where two colorings differ, for a reader."""
    places = [i for i in range(len(text)) if one[i] != other[i] and text[i] not in " \t\r\n"]
    return [f"{Source('', text).position(i)} {text[i : i + 12]!r}: {one[i]}, not {other[i]}" for i in places][:5]


def test_the_files_are_those_of_the_grammar() -> None:
    for name, text in outputs().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name} is out of date: make highlighting"


def test_each_kind_has_a_name_of_its_own() -> None:
    for names in zip(*KINDS.values(), strict=True):
        assert len(set(names)) == len(KINDS)


def by_pygments(text: str) -> Tokens:
    kind_of = {f"Token.{names.pygments}": kind for kind, names in KINDS.items()}
    kind_of["Token.Literal.Number"], kind_of["Token.Literal.String.Double"] = "number", "string"
    for start, token, piece in ArchLexer().get_tokens_unprocessed(text):
        if token is not Whitespace:
            yield start, start + len(piece), kind_of.get(str(token), str(token))


def test_pygments(texts: dict[str, str], expected: dict[str, list[str]]) -> None:
    assert isinstance(get_lexer_for_filename("net.arch"), ArchLexer)  # which the package registers
    for name, text in texts.items():
        assert not differing(text, colored(text, by_pygments(text)), expected[name]), name


def test_pygments_loses_nothing_of_what_is_typed(texts: dict[str, str]) -> None:
    for text in broken(texts):
        found = list(ArchLexer().get_tokens_unprocessed(text))
        assert "".join(piece for _, _, piece in found) == text
        assert all(len(piece) == 1 for _, token, piece in found if token in Token.Error)


@pytest.mark.parametrize("engine", ["textmate", "codemirror"])
def test_engines_of_editors(
    engine: str,
    engines: Mapping[str, list[list[tuple[int, int, str]]]],
    texts: dict[str, str],
    expected: dict[str, list[str]],
) -> None:
    kind_of = {getattr(names, engine): kind for kind, names in KINDS.items()}
    answers = engines[engine]
    for (name, text), tokens in zip(texts.items(), answers, strict=False):
        found = colored(text, placed(text, tokens, kind_of))
        assert not differing(text, found, expected[name]), name


def test_engines_agree_on_what_is_typed(
    engines: Mapping[str, list[list[tuple[int, int, str]]]], texts: dict[str, str]
) -> None:
    """Two engines that nobody here wrote read the same contexts, also of texts that are none of the language."""
    found = []
    for engine in ("textmate", "codemirror"):
        kind_of = {getattr(names, engine): kind for kind, names in KINDS.items()}
        answers = engines[engine][len(texts) :]
        found.append([placed(text, tokens, kind_of) for text, tokens in zip(broken(texts), answers, strict=True)])
    for text, one, other in zip(broken(texts), *found, strict=True):
        assert not differing(text, colored(text, one), colored(text, other))
