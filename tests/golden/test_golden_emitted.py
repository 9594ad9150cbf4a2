"""Emitted modules as they are written: what one would show to a stranger, byte for byte.

Run with ARCHDSL_UPDATE=1 to write the files anew; read the difference before committing it.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from archdsl import __version__
from archdsl.cli import main
from archdsl.resources import data_root

pytestmark = pytest.mark.fast

HERE = Path(__file__).parent / "emitted"
MODULES: dict[str, tuple[str, ...]] = {
    "regnety_4gf_dwr4.py": ("specs/regnety_4gf.arch", "--scale", "dWr:4"),
    "efficientnetv2_s.py": ("efficientnetv2_s",),
    "rexnet_1_0x.py": ("rexnet_1_0x",),
    "train_efficientnetv2_s.py": ("efficientnetv2_s",),
}
"""File -> what is compiled for it."""


def masked(text: str) -> str:
    """The text without the version of archdsl, which its header names once at most."""
    words = f"Compiled by archdsl {__version__} from"
    assert text.count(words) == text.count("Compiled by") <= 1
    return text.replace(words, "Compiled by archdsl VERSION from")


@pytest.mark.parametrize("name", MODULES)
def test_module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(data_root())  # the header names the spec as it is given
    target = "train" if name.startswith("train_") else "torch"
    assert main(["compile", *MODULES[name], "--target", target, "-o", str(tmp_path)]) == 0, capsys.readouterr().err
    text = masked((tmp_path / name).read_bytes().decode("utf-8"))
    ast.parse(text)
    golden = HERE / f"{name}.txt"
    if os.environ.get("ARCHDSL_UPDATE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(text.encode("utf-8"))
    assert text == golden.read_bytes().decode("utf-8"), f"{golden.name} changed: ARCHDSL_UPDATE=1 writes it anew"


def test_there_is_no_golden_file_of_nothing() -> None:
    assert {path.name for path in HERE.iterdir()} == {f"{name}.txt" for name in MODULES}
