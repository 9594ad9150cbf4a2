"""One program with every construct of the language, and a golden file for what each phase makes of it.

Run with ARCHDSL_UPDATE=1 to write the files anew; read the difference before committing it.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from archdsl.cli import main

pytestmark = pytest.mark.fast

HERE = Path(__file__).parent
MODELS = {"names": None, "ast": None, "stages": "listed", "graph": "ruled", "cost": "kitchen_sink"}
"""The phases, and the model that each is shown for; the first two are of the whole file."""


Printed = Callable[..., str]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Runs the command line in this folder; what it printed."""
    monkeypatch.chdir(HERE)

    def run(*arguments: str) -> str:
        code = main(arguments)
        output = capsys.readouterr()
        assert code == 0, output.err
        return output.out

    return run


def compare(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("ARCHDSL_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} changed: ARCHDSL_UPDATE=1 writes it anew"


@pytest.mark.parametrize("phase", MODELS)
def test_phase(phase: str, printed: Printed) -> None:
    model = MODELS[phase]
    chosen = ("--model", model) if model else ()
    compare(f"kitchen_sink.{phase}.txt", printed("check", "--emit", phase, *chosen, "kitchen_sink.arch"))


@pytest.mark.parametrize("model", ["kitchen_sink", "listed", "ruled", "scaled"])
def test_show(model: str, printed: Printed) -> None:
    """The resolved model, as text that stands alone."""
    compare(f"{model}.show.txt", printed("show", "kitchen_sink.arch", "--model", model))


def test_every_claim_holds(printed: Printed) -> None:
    assert "2 claims verified" in printed("check", "kitchen_sink.arch")
