"""What becomes of a trial, whatever its training does; what a study's folder says of it."""

from __future__ import annotations

import json
import os
import socket
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from study_cases import NETS, Acted, ends, epoch, study_of

from archdsl.studies.engine import Work
from archdsl.studies.ledger import StudyFault, attempts_of, claimed
from archdsl.studies.local import run_local
from archdsl.studies.members import Refused
from archdsl.studies.pruning import NAME, PRUNERS, Pruning
from archdsl.studies.server import receive_message, send_message
from archdsl.studies.sources import Source, made
from archdsl.studies.study import Study, head_of
from archdsl.studies.trial import Outcome, run_trial
from archdsl.training.entry_point import OptionFault

pytest.importorskip("fcntl", reason="no locks of files here")
NEEDED = ("torch", "sklearn", "PIL", "safetensors", "tqdm")
pytestmark = pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="training needs archdsl[train]")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_of(tmp_path / "study", "nets.arch:net", retries=1)


def run(study: Study, *acts: Any, number: int = 0, **options: Any) -> tuple[Outcome, Acted]:
    acted = Acted(*acts)
    return run_trial(study, number, trainings=acted, **options), acted  # type: ignore[arg-type]  # it stands in


# What becomes of a trial


def test_a_trial_that_ends_well_is_not_run_again(study: Study) -> None:
    outcome, acted = run(study, ends(0, 0.5, 0.75))
    result = outcome.result
    assert result is not None
    assert (outcome.state, result.error, result.best_error, result.epochs, result.steps) == ("done", 0.25, 0.25, 2, 10)
    assert (result.training_seed, result.attempts, result.cpu_seconds, result.peak_memory) == (0, 1, 2.0, 100_000_000)
    assert acted.started == [("0000", ["train_net.py", "--out=.", "--device=cpu"])]
    assert run(study)[0] == outcome
    assert run_trial(study.folder, 0) == outcome
    (row,) = study.results()
    assert (row["trial"], row["error"], row["spec"]) == (0, 0.25, "../nets.arch:net")


DIVERGED = "train_net.py: the loss of epoch 2, step 3 is no number: try a lower --lr; the last good checkpoint: none"
FULL = "train_net.py: checkpoint_00000005.pt cannot be written: [Errno 28] No space left on device"
MEMORY = "train_net.py: a batch of 256 does not fit into the memory: see --accumulate and --image-size"


@pytest.mark.parametrize(
    ("acts", "state", "reason", "attempts"),
    [
        ([ends(1, 0.5, says=DIVERGED)], "diverged", DIVERGED, 1),
        ([ends(2, says="train_net.py: error: --lr: no")], "refused", "train_net.py: error: --lr: no", 1),
        ([ends(1, says="a"), ends(1, says="b")], "failed", "b", 2),
        ([ends(-9), ends(1, says=MEMORY)], "failed", f"out of memory: {MEMORY}", 2),
        ([ends(-11), ends(-9)], "failed", "the training was ended by SIGKILL (is the memory too small?)", 2),
        ([ends(-9, lost=True), ends(0, 0.1, 0.2)], "done", "", 2),
        ([ends(0, 0.1), ends(0, 0.1)], "failed", "the training ended without the figures of all epochs", 2),
    ],
)
def test_an_end_has_its_reason(study: Study, acts: list[Any], state: str, reason: str, attempts: int) -> None:
    outcome, acted = run(study, *acts)
    result = outcome.result
    assert result is not None
    assert (result.status, result.reason, result.attempts, acted.acts) == (state, reason, attempts, [])
    assert (result.error is None) == (state != "done")
    assert study.trial(0).state == state


def test_a_full_disk_says_nothing_about_a_trial(study: Study) -> None:
    for _ in range(3):
        with pytest.raises(StudyFault, match="No space left on device"):
            run(study, ends(1, 0.5, says=FULL))
    assert (study.trial(0).state, study.unfinished()) == ("stopped", [0])
    assert run(study, ends(0, 0.5, 0.5))[0].state == "done"


def test_what_cannot_be_written_stops_the_trial(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger itself, from the first line to the last: whatever was begun goes on another time."""
    real, written = os.write, []
    left = 0

    def full(number: int, content: bytes) -> int:
        if b'"event"' in content:
            written.append(content)
            if len(written) == left:
                raise OSError(28, "No space left on device")
        return real(number, content)

    monkeypatch.setattr("archdsl.studies.ledger.os.write", full)
    for number in (1, 2):
        left = number
        written.clear()
        with pytest.raises(StudyFault, match="no space left on device"):
            run(study, ends(0, 0.5, 0.5))
    left = 0
    outcome, acted = run(study)
    assert (outcome.state, acted.started) == ("done", [])  # its run had ended well


def test_early_ends(study: Study) -> None:
    outcome, _ = run(study, watch=lambda _: "interrupted")
    assert (outcome.state, study.trial(0).state) == ("interrupted", "waiting")

    class Stopped(Acted):
        """Trains until it is told to end."""

        def start(self, _: Any, folder: Path, *__: object, **___: object) -> Any:
            told, over = threading.Event(), ends(1, 0.5, says="stopped")(folder)

            class Training:
                def wait(self, _: float) -> Any:
                    return over if told.is_set() else None

                def signal(self, _: int) -> None:
                    told.set()

            return Training()

    for stop, state in (("interrupted", "stopped"), ("pruned", "pruned")):
        (study.path(0) / "metrics.jsonl").unlink(missing_ok=True)
        answers = iter([None, None, stop])
        run_trial(study, 0, trainings=Stopped(), watch=lambda _, answers=answers: next(answers))  # type: ignore[arg-type]
        assert study.trial(0).state == state
    result = study.result(0)
    assert result is not None
    assert (result.epochs, result.error, result.last_error) == (1, None, 0.5)


def test_one_works_on_a_trial_at_a_time(study: Study) -> None:
    with claimed(study.path(0, ".jsonl")) as ledger:
        assert ledger is not None
        ledger.begin()
        assert run(study)[0].state == "busy"
        assert study.trial(0).state == "running"
        with claimed(study.path(0, ".jsonl")) as second:
            assert second is None
    assert study.trial(0).state == "stopped"


def test_a_torn_line_is_passed_over(study: Study) -> None:
    path = study.path(0, ".jsonl")
    with claimed(path) as ledger:
        assert ledger is not None
        ledger.begin()
        with path.open("ab") as file:
            file.write(b'{"event": "end')
        ledger.begin()
        ledger.end("failed", reason="x", seconds=1.5)
    first, second = attempts_of(path)
    assert (first.end, second.end, second.reason, second.seconds) == (None, "failed", "x", 1.5)


# What is studied


def test_a_study_is_the_same_or_refused(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    study_of(folder, "nets.arch:net")
    study_of(folder, "nets.arch:net", retries=5)
    with pytest.raises(
        StudyFault, match=r"holds another study: source.members was .*; seeds was 1, is 2; name another"
    ):
        study_of(folder, "nets.arch:other", seeds=2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(StudyFault, match=r"full is not empty, and no study"):
        study_of(tmp_path / "full", "nets.arch:net")
    with pytest.raises(OptionFault, match=r"unrecognized arguments: --epoch=2: did you mean --epochs\?"):
        study_of(tmp_path / "wrong", "nets.arch:net", words=["--epoch=2"])
    source = Source({"members": ["a"]}, lambda _: Study.open(folder).rows)
    slow = head_of(source.words, threads=1, recipe="slow")
    with pytest.raises(Refused, match="E201: there is no recipe `slow`"):
        made(tmp_path / "wrong", source, slow)
    assert not (tmp_path / "wrong").exists()


def test_a_changed_text_is_refused(study: Study) -> None:
    nets = study.folder.parent / "nets.arch"
    nets.write_text(NETS.replace("more: 8", "more: 9"))
    outcome, _ = run(study)
    assert outcome.result is not None
    assert outcome.state == "refused"
    assert "is not as it was when the table was written" in outcome.result.reason


def test_draws_of_settings_and_seeds_reach_the_script(tmp_path: Path) -> None:
    rates: list[Any] = [{"lr": 0.5}, {"lr": 0.25}]
    study = study_of(tmp_path / "study", "nets.arch:net", "nets.arch:other", draws=rates, seeds=2)
    assert list(study.numbers()) == list(range(8))
    _, acted = run(study, ends(0, 0.5, 0.5), number=3)
    assert acted.started == [("0003", ["train_net.py", "--out=.", "--device=cpu", "--lr=0.25", "--seed=1"])]
    assert json.loads((study.path(3) / "run.json").read_text())["settings"]["lr"] == 0.25
    assert (study.results()[0]["lr"], study.results()[0]["training_seed"]) == (0.25, 1)


def test_members_may_be_added(study: Study) -> None:
    row = {**study.rows[0], "index": 7}
    with (study.folder / "population.jsonl").open("ab") as file:
        file.write(b'{"torn')
    assert [study.add(row), study.add(row)] == [1, 2]
    assert [each.get("index") for each in Study.open(study.folder).rows] == [None, 7, 7]
    assert study.unfinished() == [0, 1, 2]


# What ends trials early


@pytest.mark.parametrize("pruner", list(PRUNERS))
def test_each_pruner_decides_as_optuna_does(study: Study, pruner: str) -> None:
    """Trials one behind the other, of which some learn nothing: those are ended where Optuna's own study ends them."""
    optuna = pytest.importorskip("optuna", reason="early stopping needs the extra `search`")
    kind, settings = PRUNERS[pruner]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = optuna.create_study(pruner=getattr(optuna.pruners, kind)(**settings), study_name=NAME)
    ended = {}
    for number in range(8):
        pruning, trial = Pruning(study.folder, pruner, number), own.ask()
        lines: list[Any] = []
        stop = expected = None
        while len(lines) < 6 and stop is None and expected is None:
            good = number < 6
            lines.append(epoch(len(lines) + 1, 0.1 + good * (0.05 * len(lines) + 0.01 * number)))
            trial.report(1 - lines[-1]["val_accuracy"], len(lines))
            expected = len(lines) if trial.should_prune() else None
            stop = len(lines) if pruning(lines) else None
            if (number, len(lines)) == (2, 3):  # another process goes on with it
                pruning = Pruning(study.folder, pruner, number)
        assert stop == expected
        states = optuna.trial.TrialState
        error = None if stop else 1 - lines[-1]["val_accuracy"]
        pruning.end(error, pruned=stop is not None)
        own.tell(trial, error, None if error is not None else states.PRUNED)
        ended[number] = stop
    assert any(ended[number] for number in range(6, 8))
    assert not all(ended[number] for number in range(6))


# The engine


def test_messages_keep_their_bounds_and_descriptors(tmp_path: Path) -> None:
    """Over a stream, whatever pieces it comes in."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    sent = [{"id": number, "argv": ["x" * size]} for number, size in enumerate((0, 3, 70_000, 10))]
    logs = [(tmp_path / str(number)).open("w") for number in range(3)]

    def send() -> None:
        with ours:
            send_message(ours, sent[0], [logs[0].fileno()])
            send_message(ours, sent[1], [logs[1].fileno(), logs[2].fileno()])
            send_message(ours, sent[2])
            text = json.dumps(sent[3]).encode()
            for byte in len(text).to_bytes(4, "big") + text:
                ours.sendall(bytes([byte]))
            ours.sendall(b"\0\0")  # a message that its sender did not end

    sender = threading.Thread(target=send)
    sender.start()
    found = []
    with theirs:
        for _ in range(5):
            message, descriptors = receive_message(theirs)
            found.append((message, [os.fstat(each).st_ino for each in descriptors]))
            for each in descriptors:
                os.close(each)
    sender.join()
    files = [os.fstat(log.fileno()).st_ino for log in logs]
    for log in logs:
        log.close()
    assert found == [(sent[0], files[:1]), (sent[1], files[1:]), (sent[2], []), (sent[3], []), (None, [])]


def test_the_engine_goes_over_all_and_stops_at_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(tmp_path / "study", *["nets.arch:net"] * 4)
    found: list[Outcome] = []

    def run_all() -> None:
        run_local(Work(study, study.unfinished(), 2, 1, lambda _: None, found.append, threading.Event()))

    good = ends(0, 0.5, 0.5)
    monkeypatch.setattr("archdsl.studies.local.trainings_of", lambda *_: Acted(good, ends(1, says=FULL), good, good))
    with pytest.raises(StudyFault, match="No space left"):
        run_all()
    assert 1 <= len(found) <= 3
    monkeypatch.setattr("archdsl.studies.local.trainings_of", lambda *_: Acted(*[good] * 3))
    run_all()
    assert sorted(each.number for each in found) == [0, 1, 2, 3]
    study.write_results()
    rows = [json.loads(line) for line in (study.folder / "results.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["done"] * 4
