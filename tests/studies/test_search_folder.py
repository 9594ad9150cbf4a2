"""A search in its folder: whatever ends a start, the next one goes on with it, and finds what it would have found.

What a training measures is made up here, at once, from the member alone. One search that trains is in
`test_search_command.py`.
"""

# ruff: noqa: ARG001 - tests that need nothing of the folder but that it is the current one

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from postgres import server
from search_cases import TEXT, optuna

import archdsl.studies.search.run as running
from archdsl.population import space
from archdsl.spaces.opened import Opened
from archdsl.studies.ledger import StudyFault, claimed
from archdsl.studies.objectives import objectives_of
from archdsl.studies.search.begin import Wanted, begin, source_of
from archdsl.studies.search.proposals import Asked
from archdsl.studies.search.run import Searching
from archdsl.studies.search.sampler import Kind
from archdsl.studies.search.storage import FOLDER, StorageFault, shown_url
from archdsl.studies.study import Study, head_of
from archdsl.studies.trial import Outcome
from archdsl.views.study import TrialResult

State = optuna.trial.TrialState


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "archdsl.toml").write_text("")
    (tmp_path / "spaces.arch").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "run_trial", measure)
    return tmp_path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as found:
        yield found


def result_of(study: Study, number: int) -> TrialResult:
    row = study.rows[study.row_of(number)]
    error = round((float(row["params"]) % 977) / 977, 6) + 0.01 * (number % study.head.seeds)  # type: ignore[arg-type]
    diverged = int(row["params"]) % 3 == 0  # type: ignore[arg-type]
    figures = {"error": None if diverged else error, "best_error": None, "last_error": error, "loss": 2 * error}
    figures |= {"train_loss": 0.0, "epochs": 2, "steps": 8, "training_seed": 0, "seconds": 1.0, "cpu_seconds": 1.0}
    return TrialResult(
        trial=number,
        status="diverged" if diverged else "done",
        reason="the loss of epoch 1 is no number" if diverged else "",
        epoch_seconds=None,
        peak_memory=None,
        attempts=1,
        **figures,  # type: ignore[arg-type]
    )


def measure(study: Study, number: int, **_: Any) -> Outcome:
    """In the place of a training: it claims the trial, and writes down what came of it."""
    with claimed(study.path(number, ".jsonl")) as ledger:
        if ledger is None:
            return Outcome(number, "busy")
        result = study.result(number)
        if result is None:
            study.path(number).mkdir(exist_ok=True)
            lines = [{"epoch": n, "step_seconds": seconds} for n, seconds in ((1, 9.0), (2, 0.25 + number))]
            (study.path(number) / "metrics.jsonl").write_text("".join([json.dumps(line) + "\n" for line in lines]))
            result = result_of(study, number)
            study.record(result)
        return Outcome(number, result.status, result)


@cache
def opened_space(path: Path, name: str) -> Opened:
    return space(path.name, name).opened


def searching(
    folder: str = "found",
    *,
    sampler: Kind = "tpe",
    objectives: tuple[str, ...] = ("error",),
    trials: int = 9,
    storage: str | None = None,
    seeds: int = 1,
    name: str = "staged_space",
    startup: int = 4,
    **more: Any,
) -> Searching:
    opened = opened_space(Path("spaces.arch").absolute(), name)
    aims = objectives_of(objectives, opened.space)
    wanted = Wanted(aims, Asked(sampler, 1, startup, 50), storage=storage, trials=trials, **more)
    path = Path(folder)
    source = source_of(opened, ("spaces.arch", "spaces.arch"), path, wanted)
    return begin(opened, path, head_of(source.words, threads=1, seeds=seeds, words=[]), wanted)


def run(search: Searching, jobs: int = 1) -> Searching:
    search.run(jobs=jobs, threads=1, told=lambda _: None, stopping=threading.Event())
    return search


def told(search: Searching) -> list[tuple[Any, ...]]:
    """What Optuna has, but for what was ended while it was proposed."""
    with search.locked() as kept:
        trials = [each for each in kept.get_trials() if "trial" in each.user_attrs]
    return [(each.user_attrs["trial"], each.params, each.state, each.values) for each in trials]


def test_optuna_is_told_what_was_measured(here: Path) -> None:
    search = run(searching(seeds=2, objectives=("error", "flops", "step_time"), sampler="nsga2", trials=12))
    rows, found = search.study.rows, told(search)
    assert [number for number, *_ in found] == list(range(12))
    failed = 0
    for number, params, state, values in found:
        row = rows[number]
        assert all(row[name] == value for name, value in params.items())
        pair = [result_of(search.study, trial) for trial in (2 * number, 2 * number + 1)]
        if pair[0].status == "diverged":
            failed += 1
            assert state == State.FAIL
            continue
        assert values == pytest.approx([sum(each.error or 0 for each in pair) / 2, row["flops"], 2 * number + 0.75])
    assert 0 < failed < 10
    assert search.study.unfinished() == []


def test_the_reward_is_that_of_the_space(here: Path) -> None:
    """Tan & Le 2021, 3.1: accuracy * step_time^-0.07 * params^-0.05, with the baseline's step for 1."""
    for unit in (1.0, 0.2):
        search = run(searching(f"reward-{unit}", objectives=("reward",), trials=6, step_unit=unit))
        assert [state for _, _, state, _ in told(search)].count(State.COMPLETE) > 2
        for number, _, state, values in told(search):
            row, result = search.study.rows[number], result_of(search.study, number)
            if state == State.COMPLETE:
                step = (0.25 + number) / unit
                expected = (1 - (result.error or 0)) * step**-0.07 * float(row["params"]) ** -0.05  # type: ignore[arg-type]
                assert values == pytest.approx([expected], rel=1e-12)
        with search.locked() as kept:
            assert kept.direction.name == "MAXIMIZE"


ENDS = ("before it is asked", "before it is a row", "after it is a row", "in its training", "before it is told")


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_start_may_be_ended_at_any_moment(sampler: Kind, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each start is ended at its second proposal, at one of the moments; and then, before the last one, Optuna's
    database is gone too."""
    aims = ("error",) if sampler == "tpe" else ("error", "params")
    whole = told(run(searching("whole", sampler=sampler, objectives=aims, startup=3)))
    for count, moment in enumerate(ENDS):
        search = searching("part", sampler=sampler, objectives=aims, startup=3)
        with monkeypatch.context() as patch:
            end_at(moment, search, patch)
            with pytest.raises(Ended):
                run(search)
        if count == 3:
            Path("part/optuna.db").unlink()
    assert told(run(searching("part", sampler=sampler, objectives=aims, startup=3))) == whole
    parts = [Study.open(Path(name)) for name in ("whole", "part")]
    assert parts[0].rows == parts[1].rows
    assert parts[0].results() == parts[1].results()


class Ended(BaseException):
    """As a signal that ends the process."""


def end_at(moment: str, search: Searching, patch: pytest.MonkeyPatch) -> None:
    """End a start at its first moment of that kind."""

    def ending(function: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def ended(*arguments: Any, **named: Any) -> Any:
            if after:
                function(*arguments, **named)
            raise Ended

        return ended

    places: dict[str, tuple[Any, str, bool]] = {
        "before it is asked": (search.proposer, "ask", False),
        "before it is a row": (search.study, "add", False),
        "after it is a row": (search.study, "add", True),
        "in its training": (running, "run_trial", False),
        "before it is told": (running, "run_trial", True),
    }
    owner, name, after = places[moment]
    patch.setattr(owner, name, ending(getattr(owner, name), after=after))


@pytest.mark.parametrize("kept", ["sqlite", "postgresql"])
def test_two_starters_share_a_search(kept: str, here: Path, request: pytest.FixtureRequest) -> None:
    storage = request.getfixturevalue("url") if kept == "postgresql" else None
    first = searching("shared", trials=10, storage=storage)
    second = searching("shared", trials=10, storage=storage)
    assert first.place.name == second.place.name
    done: list[int] = []
    threads = [
        threading.Thread(
            target=each.run,
            kwargs={"jobs": 2, "threads": 1, "stopping": threading.Event(), "told": lambda o: done.append(o.number)},
        )
        for each in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(10))  # none twice to its end
    rows = Study.open(Path("shared")).rows
    assert len({row["hash"] for row in rows}) == len(rows) == 10
    found = told(searching("shared", trials=10, storage=storage))
    assert sorted(number for number, *_ in found) == list(range(10))
    assert all(state.is_finished() for *_, state, _ in found)
    for number, _, _, values in found:
        error = result_of(first.study, number).error
        assert values == ([error] if error is not None else None)


def test_a_database_belongs_to_a_folder(here: Path, url: str) -> None:
    with pytest.raises(StorageFault, match="is no URL of a database"):
        searching(storage="nonsense")
    assert not Path("found").exists()
    search = run(searching(storage=url, trials=3))
    named = search.study.head.source["search"]
    assert named["storage"].startswith("postgresql+psycopg://searcher@/postgres?host=")
    with pytest.raises(StudyFault, match="name it with --storage"):
        searching(trials=5)
    with pytest.raises(StorageFault, match=f"has no study {search.place.name}"):
        run(searching(storage=f"sqlite:///{here}/other.db", trials=5))
    assert len(search.study.rows) == 3
    shutil.copytree("found", "copied")
    optuna.load_study(study_name=search.place.name, storage=url).set_user_attr(FOLDER, "another")
    with pytest.raises(StorageFault, match="is that of another folder"):
        run(searching("copied", storage=url, trials=5))
    secret = "postgresql+psycopg://user:hidden@127.0.0.1:1/db"
    with pytest.raises(StorageFault, match=r"127\.0\.0\.1") as raised:
        run(searching("secret", storage=secret, trials=1))
    assert "hidden" not in str(raised.value)
    assert not Path("secret").exists()
    assert shown_url(secret) == "postgresql+psycopg://user:***@127.0.0.1:1/db"  # which the folder keeps


def test_another_search_is_refused(here: Path) -> None:
    run(searching(trials=3))
    for options, said in (
        ({"sampler": "random"}, "source.search.sampler was tpe, is random"),
        ({"objectives": ("flops",)}, "source.search.objectives"),
        ({"name": "few"}, "source.space was"),
        ({"seeds": 2}, "seeds was 1, is 2"),
    ):
        with pytest.raises(StudyFault, match=said):
            searching(trials=3, **options)  # type: ignore[arg-type]
    assert len(run(searching(trials=5)).study.rows) == 5  # more of it is no other


def test_costs_are_searched_without_training(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run_trial", None)
    search = run(searching(objectives=("params", "memory"), sampler="nsga2", trials=9))
    assert [values[0] for *_, values in told(search)] == [row["params"] for row in search.study.rows]
    small = run(searching("small", objectives=("flops",), name="few", trials=9))
    assert small.exhausted
    assert len(small.study.rows) == 2
    assert not Path("small/trials").exists()


def test_the_dashboard_shows_a_search(here: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard", reason="the extra archdsl[dashboard]")
    search = run(searching(objectives=("error", "params"), sampler="nsga2", trials=6))
    app = dashboard.wsgi(search.place.url)

    def asked(path: str) -> Any:
        said: dict[str, str] = {}

        def start(status: str, *_: Any) -> None:
            said["status"] = status

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "here"}
        environ |= {"SERVER_PORT": "80", "wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1"}
        body = b"".join(app(environ, start))
        assert said["status"].startswith("200"), body
        return json.loads(body)

    summaries = asked("/api/studies")["study_summaries"]
    assert [each["study_name"] for each in summaries] == [search.place.name]
    detail = asked(f"/api/studies/{summaries[0]['study_id']}")
    assert detail["directions"] == ["minimize", "minimize"]
    shown = {each["number"]: each for each in detail["trials"]}
    for number, params, state, values in told(search):
        assert shown[number]["state"] == {"COMPLETE": "Complete", "FAIL": "Fail"}[state.name]
        assert {each["name"]: each["param_external_value"] for each in shown[number]["params"]} == {
            name: str(value) for name, value in params.items()
        }
        if values:
            assert shown[number]["values"] == values
