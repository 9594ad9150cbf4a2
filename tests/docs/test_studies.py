"""The study in docs/studies: a form of it with five members runs by its one command, and what stands in the repository
is what the commands make of its results."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import forked
import numpy as np
import pytest

from archdsl import cli

STUDY = Path(__file__).resolve().parents[2] / "docs" / "studies" / "anynet"
MEMBERS = 5


def write_digits(folder: Path, train: int, val: int) -> None:
    """scikit-learn's digits as Fashion-MNIST's four files: 28 x 28 pixels, three for one, with a margin."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images.repeat(3, axis=1).repeat(3, axis=2) * 15).astype(np.uint8)
    images = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))
    folder.mkdir()
    for name, part in (("train", slice(train)), ("t10k", slice(train, train + val))):
        for kind, data in (("images-idx3", images[part]), ("labels-idx1", digits.target[part].astype(np.uint8))):
            head = bytes([0, 0, 8, data.ndim]) + b"".join([size.to_bytes(4, "big") for size in data.shape])
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + data.tobytes()))


SAID = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [json.dumps([os.getcwd(), *sys.argv[1:]]).encode()], [0, 1, 2])
    sys.exit(int(server.makefile().read()))
"""
"""A command that has a process with all libraries do its work, in a fork."""


def serve(asked: socket.socket) -> None:
    """Do what the commands say, one after another."""
    while True:
        connection, _ = asked.accept()
        said, streams, _, _ = socket.recv_fds(connection, 1 << 16, 3)
        folder, *words = json.loads(said)
        code = forked.Forked(forked.archdsl(words), folder, streams=streams, kept=()).wait()
        for stream in streams:
            os.close(stream)
        connection.sendall(str(code).encode())
        connection.close()


@pytest.fixture
def commands() -> Iterator[Path]:
    """A folder with the command `archdsl`, whose libraries are loaded already."""
    pytest.importorskip("torch", reason="the study trains")
    forked.load()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as asked:
        place = Path(folder)
        asked.bind(str(place / "asked"))
        asked.listen()
        (place / "archdsl").write_text(SAID.format(python=sys.executable, address=str(place / "asked")))
        (place / "archdsl").chmod(0o755)
        server = forked.Forked(lambda: serve(asked), place, kept=(asked.fileno(),))
        yield place
        server.kill()
        server.wait()


def test_a_form_with_five_members(tmp_path: Path, commands: Path) -> None:
    write_digits(tmp_path / "images", 128, 64)
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    words = ["bash", str(STUDY / "run.sh"), "images", "out", str(MEMBERS), "1", "128", "64", "--epochs", "1"]
    ran = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for space in "ae":
        rows = [json.loads(line) for line in (tmp_path / "out" / space / "results.jsonl").read_text().splitlines()]
        assert [row["status"] for row in rows] == ["done"] * MEMBERS
        assert all(400_000 <= row["flops"] <= 440_000 for row in rows)
        assert all(0 <= row["error"] <= 1 for row in rows)
        assert (tmp_path / "out" / space / "attempts.jsonl").read_text().count('"done"') == MEMBERS
    made = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert made >= {"edf.txt", "compare.txt", "efit.txt", "best.txt", "edf.svg", "efit.svg"}


@pytest.mark.parametrize("words", ["edf a e", "compare a e"])
def test_what_stands_is_what_the_results_give(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(STUDY)
    assert cli.main(["population", *words.split()]) == 0
    assert capsys.readouterr().out == (STUDY / f"{words.split()[0]}.txt").read_text()
