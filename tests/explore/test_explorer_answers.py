"""The function behind the page: its numbers are the command line's, its requests may be anybody's."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from explorer_asking import NET, SPACES, ask, new_session, shipped
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl import compile_text
from archdsl.cli import main
from archdsl.explorer.engine import Given, session_of
from archdsl.explorer.static import archive
from archdsl.population import space
from archdsl.project import Project
from archdsl.resources import read_data
from archdsl.views.explore.session import Session

MEASURES = ("flops", "params", "acts")


@pytest.fixture(scope="module")
def session() -> Session:
    return new_session()


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(list(arguments)) in (0, 1)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# The same as the command line


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, []),
        ({"scalings": ["dWr:4"], "convention": "fvcore"}, ["--scale", "dWr:4", "--convention", "fvcore"]),
        (
            {"scalings": ["w"], "budget": "flops=8G", "within": "1%", "settings": ["head.classes=10"]},
            ["--scale", "w", "--to", "flops=8G", "--within", "1%", "--set", "head.classes=10"],
        ),
        ({"input": "96x64"}, ["--input", "96x64"]),
    ],
)
def test_a_view_has_the_counts_of_cost(
    session: Session, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], options: list[str]
) -> None:
    view = ask(session, "view", **shipped(NET), **fields)["view"]
    cost = printed(capsys, "cost", NET, "--format", "json", *options)
    for name in ("model", "hash", "input", *MEASURES, "convention", "rows", "changes", "solved"):
        assert view[name] == cost[name], name
    assert sum(block["flops"] for block in view["blocks"]) == sum(
        row["flops"] for row in cost["rows"] if row["path"].startswith("stages.")
    )
    memory = cost["memory"]
    assert (view["weights_bytes"], view["peak_bytes"]) == (memory["weights_bytes"], memory["peak_inference_bytes"])
    assert (view["base"] is None) == ("scalings" not in fields)
    assert view["picture"].startswith("<svg")


def test_scalings_are_those_of_plot(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--strategies", "dWr,d", "--factors", "1,2,4", "--format", "json"]
    plotted = printed(capsys, "plot", "scaling", NET, *options)["rows"]
    found = ask(session, "scaling", **shipped(NET), strategies=["dWr", "d"], factors=["1", "2", "4"])["scaled"]
    assert found == plotted


def test_a_comparison_is_that_of_diff(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    other = "specs/resnet/resnet.arch"
    there = shipped(other)
    asked = {"other": there["text"], "other_path": there["path"], "other_model": "resnet50"}
    found = ask(session, "compare", **shipped(NET), **asked)["compared"]
    report = printed(capsys, "diff", NET, f"{other}:resnet50", "--format", "json")
    assert {**found, "a": {**found["a"], "spec": ""}, "b": {**found["b"], "spec": ""}} == {
        **report,
        "a": {**report["a"], "spec": ""},
        "b": {**report["b"], "spec": ""},
    }


def test_the_module_is_the_emitted_one(session: Session) -> None:
    files = ask(session, "module", **shipped(NET), scalings=["dWr:2"])["files"]
    assert [file["name"] for file in files] == ["regnety_4gf_dwr2.py", "train_regnety_4gf_dwr2.py"]
    code = compile(files[0]["text"], files[0]["name"], "exec")
    assert "RegnetY4gfDwr2" in code.co_names or "nn" in code.co_names
    assert "specs/regnety_4gf.arch --scale dWr:2" in files[0]["text"]


def test_a_population_is_that_of_sample(session: Session) -> None:
    """Some of whose draws are refused."""
    sampled = space("regnetx_any").sample(4, seed=5, max_draws=100).columns
    asked = {**shipped("specs/spaces/regnet.arch"), "model": "regnetx_any", "seed": 5}
    looked = int(sampled["index"][-1]) + 1
    found = ask(session, "population", **asked, count=looked - 2)["population"]
    rest = ask(session, "population", **asked, start=looked - 2, count=2)["population"]
    members = found["members"] + rest["members"]
    assert found["refused"] + rest["refused"] == looked - 4
    for name in ("index", "flops", "params", "acts", "hash"):
        assert [member[name] for member in members] == list(sampled[name])

    member = members[1]
    opened = ask(session, "member", **asked | {"setting": member["setting"], "start": member["index"]})["opened"]
    assert compile_text(opened["text"]).hash == member["hash"]


def test_what_ships_can_be_opened(session: Session) -> None:
    """Each model that the list names is one that a view finds; of many files the first and the last."""
    files = ask(session, "shipped")["shipped"]
    assert sum(len(file["models"]) for file in files) > 150
    assert {name for file in files for name in file["spaces"]} >= {"anynetx_a", "regnetx"}
    for file in files[:: len(files) // 5]:
        opened = ask(session, "open", name=file["path"])["opened"]
        assert opened["text"] == read_data(file["path"])
        names = ask(session, "view", **opened, picture=False)["names"]
        assert (names["models"], names["spaces"]) == (file["models"], file["spaces"])


# While it is written


def test_a_fault_has_its_edit(session: Session) -> None:
    text = read_data(NET).replace("group_width:", "group_widht:")
    (problem,) = ask(session, "edit", text=text, path="net.arch")["edit"]["problems"]
    assert (problem["code"], problem["place"]["path"]) == ("E202", "net.arch")
    (change,) = problem["changes"]
    assert text[: change["start"]] + change["text"] + text[change["end"] :] == read_data(NET)
    view = ask(session, "view", text=text, path="net.arch")
    assert view["view"] is None
    assert [each["code"] for each in view["problems"]] == ["E202"]


def test_hints_completion_and_hover(session: Session) -> None:
    asked = shipped(NET)
    hints = ask(session, "edit", **asked)["edit"]["hints"]
    assert any("3.97G flops" in hint["text"] for hint in hints)
    at = asked["text"].index("group_width") + 3
    assert ask(session, "hover", **asked, offset=at)["hover"]["signature"].startswith("group_width")
    proposals = ask(session, "complete", **asked, offset=at + 8)["completion"]["proposals"]
    assert "group_width" in [each["label"] for each in proposals]
    assert ask(session, "hover", **asked, offset=10**9)["fault"] is None


def test_a_text_that_is_laid_out(session: Session) -> None:
    text = read_data(NET).replace("  input:  3", "input: 3")
    assert ask(session, "format", text=text)["opened"]["text"] == read_data(NET)
    assert ask(session, "format", text="model {")["problems"][0]["code"].startswith("E1")


# What anybody may send

WRONG = [
    "",
    "[",
    "[" * 100_000,
    "null",
    "[]",
    '"view"',
    "{}",
    '{"kind": "eval"}',
    '{"kind": ["view"]}',
    '{"kind": "view", "text": 1}',
    '{"kind": "view", "text": null}',
    '{"kind": "view", "other field": 1}',
    '{"kind": "view", "__class__": 1}',
    '{"kind": "view", "scalings": "dWr:4"}',
    '{"kind": "view", "scalings": [1]}',
    '{"kind": "view", "settings": [["a", "b"]]}',
    '{"kind": "view", "picture": 1}',
    '{"kind": "view", "convention": "mine"}',
    '{"kind": "view", "model": "' + "m" * 2000 + '"}',
    '{"kind": "view", "scalings": ' + json.dumps(["d:1"] * 65) + "}",
    '{"kind": "view", "path": "../net.arch"}',
    '{"kind": "view", "path": "/etc/passwd.arch"}',
    '{"kind": "view", "path": "net.txt"}',
    '{"kind": "view", "path": "archdsl:specs/none.arch"}',
    '{"kind": "view", "scalings": ["dWr"]}',
    '{"kind": "view", "budget": "flops=much"}',
    '{"kind": "view", "input": "wide"}',
    '{"kind": "open", "name": "../pyproject.toml"}',
    '{"kind": "open", "name": "specs/std/../regnety_4gf.arch"}',
    '{"kind": "scaling", "strategies": [], "factors": ["1"]}',
    '{"kind": "scaling", "strategies": ["d"], "factors": ["0"]}',
    '{"kind": "scaling", "strategies": ["d"], "factors": ["nan"]}',
    '{"kind": "population", "count": 0}',
    '{"kind": "population", "count": 100000}',
    '{"kind": "population", "seed": -1, "count": 1}',
    '{"kind": "population", "seed": 1.5, "count": 1}',
    '{"kind": "hover", "offset": true}',
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_no_request(session: Session, text: str) -> None:
    found = json.loads(session.answer_text(text))
    assert found["fault"]
    assert "\n" not in found["fault"]
    assert not any(value for name, value in found.items() if name != "fault")


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["text", "path", "model", "scalings", "factors", "seed", "count", "setting", "offset", "kind"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=4,
        ),
    ),
    st.sampled_from(
        ["start", "view", "edit", "hover", "member", "population", "scaling", "compare", "module", "format"]
    ),
)
def test_no_request_is_an_exception(session: Session, fields: dict[str, Any], kind: str) -> None:
    json.loads(session.answer_text(json.dumps({**fields, "kind": kind})))


def test_a_setting_that_is_none(session: Session) -> None:
    for setting in ([], [0], [10**9] * 16):
        found = ask(session, "member", **shipped(SPACES), model="anynetx_a", setting=setting)
        assert "no setting of `anynetx_a`" in found["fault"]


def test_texts_that_no_program_may_be(session: Session) -> None:
    codes = {"E111": "#" * (1 << 21), "E113": "arch 1\n\u202emodel", "E393": None}
    for code, text in codes.items():
        if text is not None:
            for kind in ("view", "edit"):
                found = ask(session, kind, text=text)
                assert code in {p["code"] for p in (found["edit"] or found)["problems"]}
    assert ask(session, "view", text="\ud800")["problems"][0]["code"] == "E113"


def test_work_is_bounded(session: Session) -> None:
    """A text that asks for more than the compiler's limits is told so, as everywhere."""
    text = (
        "arch 1\nfn f(n) = sum([f(n - 1) + f(n - 2) for _ in [1, 2]]) if n > 1 else 1\nmodel m { input: 3 x f(40) x 8 }"
    )
    found = ask(session, "view", text=text)
    assert found["view"] is None
    assert found["problems"]


def test_only_programs_of_the_project_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault quotes the text that it is found in: so no other file is read."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "archdsl.toml").write_text("")
    (project / "secret.txt").write_text("password 1234")
    (tmp_path / "outside.arch").write_text("password 5678")
    (project / "part.arch").write_text("arch 1\nfn size(n) = n * 2\n")
    net = project / "net.arch"
    net.write_text("arch 1\n")
    monkeypatch.chdir(project)
    session = session_of(Given(str(net)), Project(str(net)).source())
    start = ask(session, "start")["start"]
    assert (start["path"], start["text"], start["saved"]) == ("net.arch", "arch 1\n", True)
    for path in ("secret.txt", "../outside.arch", "link.arch"):
        (project / "link.arch").unlink(missing_ok=True)
        (project / "link.arch").symlink_to(tmp_path / "outside.arch")
        for kind in ("view", "edit"):
            found = json.dumps(ask(session, kind, text=f'arch 1\nuse "{path}" {{ size }}\n', path="net.arch"))
            assert "password" not in found
            assert "E110" in found or "E205" in found
    model = "model m { input: 3 x size(4) x 8  stages: []  head: none }"
    found = ask(session, "view", text=f'arch 1\nuse "part.arch" {{ size }}\n{model}', path="net.arch")
    assert "E110" not in json.dumps(found["problems"])


# In the browser


def test_the_archive_has_all_that_answers_need(tmp_path: Path, session: Session) -> None:
    """Every kind of request, by the archive's sources alone: no site-packages, and so no NumPy, click or pydantic."""
    place = tmp_path / "compiler.zip"
    place.write_bytes(archive())
    with zipfile.ZipFile(place) as files:
        files.extractall(tmp_path / "compiler")
    member = [0] * 16
    asked: list[dict[str, Any]] = [
        {"kind": "start"},
        {"kind": "shipped"},
        {"kind": "open", "name": NET},
        {"kind": "edit", **shipped(NET)},
        {"kind": "complete", **shipped(NET), "offset": 150},
        {"kind": "hover", **shipped(NET), "offset": 150},
        {"kind": "format", **shipped(NET)},
        {"kind": "view", **shipped(NET), "scalings": ["d"], "budget": "flops=5G"},
        {"kind": "module", **shipped(NET), "scalings": ["dWr:2"]},
        {"kind": "scaling", **shipped(NET), "strategies": ["w", "compound"], "factors": ["1", "2"]},
        {"kind": "compare", **shipped(NET), "other": read_data(NET), "other_path": ""},
        {"kind": "population", **shipped(SPACES), "model": "anynetx_a", "count": 2},
        {"kind": "member", **shipped(SPACES), "model": "anynetx_a", "setting": member},
    ]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from archdsl.explorer.engine import Given, session_of\n"
        "s = session_of(Given(), None)\n"
        "for each in json.load(open(sys.argv[2])): print(s.answer_text(json.dumps(each)))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "compiler"), str(tmp_path / "asked.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for request, line in zip(asked, done.stdout.splitlines(), strict=True):
        assert json.loads(line)["fault"] is None, request["kind"]
        assert line == session.answer_text(json.dumps(request)), request["kind"]
    assert archive() == place.read_bytes()


def test_a_row_of_a_table_is_opened(session: Session, tmp_path: Path) -> None:
    """A population that was written to a file, and rows of which something was changed."""
    sampled = space("anynetx_a").sample(3, seed=2)
    for name in ("pop.csv", "pop.jsonl"):
        sampled.save(tmp_path / name)
        table = ask(session, "table", name=name, other=(tmp_path / name).read_text())["table"]
        assert table["spaces"] == ["anynetx_a"]
        place = table["columns"].index("flops")
        assert [row["numbers"][place] for row in table["rows"]] == list(sampled.columns["flops"])
        row = table["rows"][1]
        asked = {**shipped(SPACES), "model": "anynetx_a", "start": 1}
        opened = ask(session, "member", **asked, row=row["row"])["opened"]
        assert compile_text(opened["text"]).hash == list(sampled.columns["hash"])[1]
    wrong = {
        "another space": {"model": "anynetx_b"},
        "another text": {"text": shipped(SPACES)["text"] + "space other refines anynetx_a { }\n"},
        "no JSON": {"row": "{"},
        "no row": {"row": "[1]"},
        "another value": {"row": row["row"].replace('"width.0": ', '"width.0": 1')},
    }
    for name, fields in wrong.items():
        assert ask(session, "member", **{**asked, "row": row["row"], **fields})["fault"], name
    for name, text in {"a.parquet": "", "a.csv": "", "b.csv": "a,b\n1", "c.jsonl": "{", "d.jsonl": "[]"}.items():
        assert ask(session, "table", name=name, other=text)["fault"]
    assert "5,000" in ask(session, "table", name="a.csv", other="a\n" + "1\n" * 5001)["fault"]
