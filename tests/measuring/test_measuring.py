"""Measuring: statistics against other libraries, the file of turns when it is interrupted, what measures."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import forked
import numpy
import pytest
import scipy.stats

import archdsl
from archdsl import emission
from archdsl.measuring import run as running
from archdsl.measuring.fits import fitted, pearson
from archdsl.measuring.ledger import Ledger, LedgerFault, rows_of
from archdsl.measuring.rows import RowFault, Subject, measured, turns
from archdsl.measuring.run import Entry, conditions, known_turns, left, measure
from archdsl.measuring.settings import Effort, How, Job
from archdsl.measuring.turns import NoMachine, TurnFault, probe, taken

MACHINE = {
    "device_name": "a machine",
    "threads": 1,
    "torch": "2",
    "python": "3",
    "system": "a system",
    "cpus": 2,
    "flush_denormal": True,
    "memory_kept": True,
}


# Statistics


def networks(number: int, seed: int = 0) -> list[dict[str, float]]:
    rng = random.Random(seed)
    ranges = {"flops": (1e8, 1e10), "params": (1e6, 9e7), "acts": (1e6, 9e7)}
    return [{name: rng.uniform(*ends) for name, ends in ranges.items()} for _ in range(number)]


def test_correlations_are_those_of_scipy() -> None:
    rng = random.Random(1)
    xs = [rng.uniform(1, 1e9) for _ in range(40)]
    ys = [x**0.5 + rng.gauss(0, 3000) for x in xs]
    assert pearson(xs, ys) == pytest.approx(scipy.stats.pearsonr(xs, ys).statistic, abs=1e-12)
    assert pearson([1, 2], [1, 2]) is None
    assert pearson([3, 3, 3], [1, 2, 5]) is None


def test_a_curve_without_noise_is_found() -> None:
    counts = networks(8)
    ys = [3e-11 * each["flops"] + 5e-7 * each["flops"] ** 0.5 for each in counts]
    curve = fitted(counts, ys, ("flops", "root"))
    assert curve is not None
    assert curve.coefficients == pytest.approx((3e-11, 5e-7), rel=1e-6)
    assert curve.error < 1e-9
    assert curve.left_out is not None
    assert curve.left_out < 1e-8
    assert curve.at(counts[0]) == pytest.approx(ys[0])


def test_errors_left_out_follow_from_the_hat_matrix() -> None:
    """With residuals e and leverages h, a fit without a network misses it by e / (1 - h)."""
    rng = random.Random(2)
    counts = networks(12, seed=2)
    ys = [2e-11 * each["flops"] + 4e-9 * each["acts"] * rng.uniform(0.7, 1.4) for each in counts]
    curve = fitted(counts, ys, ("flops", "acts"))
    rows = numpy.array([[each["flops"] / y, each["acts"] / y] for each, y in zip(counts, ys, strict=True)])
    hat = rows @ numpy.linalg.pinv(rows)
    residuals = hat @ numpy.ones(12) - 1
    assert curve is not None
    assert curve.error == pytest.approx(numpy.sqrt(numpy.mean(residuals**2)))
    assert curve.left_out == pytest.approx(numpy.sqrt(numpy.mean((residuals / (1 - numpy.diag(hat))) ** 2)))


def test_networks_that_decide_no_curve_have_none() -> None:
    counts = networks(1)
    assert fitted(counts, [1.0], ("flops", "acts")) is None
    alike = [{"flops": f, "params": 1.0, "acts": f / 7} for f in (1e8, 2e8, 3e8)]
    assert fitted(alike, [1.0, 2.0, 3.0], ("flops", "acts")) is None
    curve = fitted(counts, [1.0], ("flops",))
    assert curve is not None
    assert curve.left_out is None


# The file of turns


def entries(number: int) -> list[Entry]:
    return [
        Entry(Subject(f"net_{n}", "net.arch", None, None, f"hash {n}", (3, 8, 8), 100 * n, n, n, "ours 1"), "", "Net")
        for n in range(1, number + 1)
    ]


class Stopped(Exception):
    pass


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine that takes as many seconds as a network has flops; `stops` ends it, `fails` are networks that fail."""
    state: dict[str, Any] = {"order": [], "stops": None, "fails": set()}

    def took(job: Job, *_: object) -> dict[str, Any]:
        if state["stops"] == len(state["order"]):
            raise Stopped
        state["order"].append(job)
        if job.text in state["fails"]:
            raise TurnFault("it fails")
        return {"times": [1.0, 2.0, 3.0], "passes": 3, "memory": 5, "load": 0.5, **MACHINE}

    monkeypatch.setattr(running, "taken", took)
    return state


def go(path: Path, every: list[Entry], how: How = How(), rounds: int = 3) -> list[dict[str, Any]]:  # noqa: B008
    with Ledger(path).opened() as ledger:
        known_turns(ledger, conditions(how, MACHINE, "ours 1"))
        measure(ledger, every, ("inference", "training"), how, Effort(rounds=rounds), MACHINE)
        return ledger.rows


def test_what_is_interrupted_goes_on(machine: dict[str, Any], tmp_path: Path) -> None:
    """Wherever it stops, and with half a line at the end: the finished file has the rows of an undisturbed one."""
    every = entries(3)
    whole = go(tmp_path / "whole.jsonl", every)
    assert len(whole) == 18
    assert len({(row["hash"], row["work"], row["round"]) for row in whole}) == 18
    for stop in (0, 5, 17):
        machine.update(order=[], stops=stop)
        path = tmp_path / f"{stop}.jsonl"
        with pytest.raises(Stopped):
            go(path, every)
        assert rows_of(path)[0] == whole[:stop]
        with path.open("a") as file:
            file.write('{"network": "ne')
        machine["stops"] = None
        assert go(path, every) == whole
        assert rows_of(path)[0] == whole
        assert len(machine["order"]) == 18
        assert left(turns(whole), every, ("inference", "training"), 3) == 0


@pytest.mark.usefixtures("machine")
def test_rounds_come_in_random_order(tmp_path: Path) -> None:
    rows = go(tmp_path / "a.jsonl", entries(8))
    orders = [[(r["hash"], r["work"]) for r in rows if r["round"] == n] for n in (1, 2, 3)]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert rows == go(tmp_path / "b.jsonl", entries(8))


def test_a_network_that_fails_says_so_once(machine: dict[str, Any], tmp_path: Path) -> None:
    every = [replace(each, text=each.subject.label) for each in entries(2)]
    machine["fails"] = {"net_1"}
    path = tmp_path / "a.jsonl"
    rows = go(path, every)
    assert [row["failure"] for row in rows if row["hash"] == "hash 1"] == ["it fails"] * 2  # once for each work
    found = measured(turns(rows))
    assert [(each.network, each.rounds, each.failure) for each in found if each.work == "inference"] == [
        ("net_1", 0, "it fails"),
        ("net_2", 3, None),
    ]
    machine["fails"] = set()
    again = measured(turns(go(path, every)))
    assert [(each.rounds, each.failure) for each in again] == [(3, None)] * 4
    assert again[0].measured_seconds == 2.0


@pytest.mark.usefixtures("machine")
def test_other_conditions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    go(path, entries(1))
    with pytest.raises(RowFault, match="batch was 1, is 2"):
        go(path, entries(1), How(batch=2))
    rows = rows_of(path)[0]
    with pytest.raises(RowFault, match="row 2 was measured under other conditions than the first: dtype"):
        turns([rows[0], {**rows[1], "dtype": "bfloat16"}])
    with pytest.raises(RowFault, match="row 1 has no flops"):
        turns([{name: cell for name, cell in rows[0].items() if name != "flops"}])
    with pytest.raises(RowFault, match="flops of row 1 is no number"):
        turns([{**rows[0], "flops": "many"}])


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(LedgerFault, match="line 1 is no row"), Ledger(path).opened():
        pass
    path.write_text("no\n")
    with pytest.raises(LedgerFault, match="line 1 is no JSON"), Ledger(path).opened():
        pass
    assert path.read_text() == "no\n"
    path.write_text("")
    with (
        Ledger(path).opened(),
        pytest.raises(LedgerFault, match="another process is writing it"),
        Ledger(path).opened(),
    ):
        pass
    with pytest.raises(LedgerFault, match="is a directory"), Ledger(tmp_path).opened():
        pass


# The process


def job(text: str, work: str = "inference", shape: tuple[int, ...] = (3, 8, 8)) -> Job:
    return Job(text, "Net", shape, work)


def test_a_network_is_measured() -> None:
    """Memory holds the weights, and in training their gradients and the momentum, three times as much."""
    text = "use std.ops { conv }\nmodel net { input: 8 x 6 x 6  stages: conv { width: [2048, 512]  kernel: 3 } }\n"
    net = archdsl.compile_text(f"arch 1\n{text}")
    assert net.cost.params == 9 * (8 * 2048 + 2048 * 512)
    weights = 4 * int(net.cost.params)
    offered = emission.interface(net.network, net.about)
    found = {}
    for work in ("inference", "training"):
        order = Job(net.source, offered.class_name, tuple(net.network.input), work)
        found[work] = taken(order, How(threads=1), Effort(seconds=0.01))
        assert len(found[work]["times"]) >= 1
        assert min(found[work]["times"]) > 0
        assert found[work]["passes"] >= len(found[work]["times"])
        assert found[work]["threads"] == 1
    assert weights < found["inference"]["memory"] < 4 * weights
    assert 3 * weights < found["training"]["memory"] < 8 * weights


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Net:\n    def __init__(self): raise ValueError('no such size\\nand more')", "ValueError: no such size"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", r"ended by SIGKILL \(is the memory too small\?\)"),
    ],
)
def test_what_fails_says_why(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forked.here(monkeypatch)
    with pytest.raises(TurnFault, match=message):
        taken(job(text), How(), Effort(seconds=0.01))


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    forked.here(monkeypatch)
    with pytest.raises(TurnFault, match=r"not done after 1 s"):
        taken(job("while True: pass"), How(), Effort(limit=1))


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    forked.here(monkeypatch)
    with pytest.raises(NoMachine, match="there is no device 'gpu'"):
        probe(How(device="gpu"))


def test_rows_are_json() -> None:
    subject = entries(1)[0].subject
    answer = {"times": [1.0], "passes": 1, "memory": None, "load": None}
    row = asdict(running.turn_of(subject, "inference", 1, How(), Effort(), MACHINE, answer))
    assert turns([json.loads(json.dumps(row))])[0].measured_seconds == 1.0
