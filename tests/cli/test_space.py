"""`archdsl space` and `archdsl plot space`, and rows of populations wherever a command takes a file."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from cli_cases import SPECS, Run
from pydantic import TypeAdapter

import archdsl
from archdsl.files import holding_file
from archdsl.spaces.tables import read
from archdsl.views.failure import FailureReport
from archdsl.views.population import CountReport, PopulationReport
from archdsl.views.space import SpaceReport
from archdsl.views.space_contains import ContainsReport
from archdsl.views.space_diff import SpaceDiffReport

SPACES = """\
arch 1
use std.ops { conv }

# Two stages of plain convolutions.
model small(depths, widths, kernel) {
  input: 3 x 8 x 8
  stages: conv { depth: depths  width: widths  kernel: kernel }
}
model net = small([1, 2], [8, 16], 3)
model wide = small([1, 2], [8, 32], 3)
model deep = small([2, 1], [8, 16], 3)
model large = small([2, 2], [24, 24], 5)

space tiny {
  depth ~ each(2, int(1 .. 2))
  width ~ each(2, one_of(8, 16, 24))
  kernel ~ one_of(3, 5, weights: [1/4, 3/4])
  require depth[1] >= depth[0]
  require params <= 5000
  model: small(depth, width, kernel)
}
space narrow refines tiny {
  width ~ tied(2, one_of(8, 16))
  require depth[0] == 1
}
# Both orders of two depths are one network: the second kernel is never used.
space twice {
  a ~ int(1 .. 3)
  ratio ~ uniform(0.5 .. 2, quantum: 0.1)
  model: small([a, a], [8, 8], 3)
}
space broken {
  groups ~ one_of(1, 3)
  model: grouped(groups)
}
model grouped(groups) {
  input: 4 x 8 x 8
  stages: conv { depth: [1] width: 4  kernel: 1  groups: groups }
}
# Any two of its draws make a width: the costs are no sums.
space tied {
  a ~ int(1 .. 1000)
  b ~ int(1 .. 1000)
  require params <= 100K
  model: small([1, 1], [8, 8 + floor(a * b / 10000)], 3)
}
space many {
  a ~ each(40, int(1 .. 10^9))
  model: small([1, 1], [8, 8], 3)
}
"""
VALUES = ("depth.0", "depth.1", "width.0", "width.1", "kernel")


@pytest.fixture
def spaces(here: Path) -> Path:
    """The spaces above, in spaces.arch of the current folder."""
    path = here / "spaces.arch"
    path.write_text(SPACES)
    return path


def report(run: Run, of: type, *arguments: Any, code: int = 0) -> dict[str, Any]:
    result = run("space", *arguments, "--format", "json")
    assert result.code == code, result.err
    TypeAdapter(of).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


def by_hand() -> list[tuple[int, int, int, int, int]]:
    """The members of `tiny` in their order: params of plain convolutions, counted here."""
    settings = product((1, 2), (1, 2), (8, 16, 24), (8, 16, 24), (3, 5))
    return [each for each in settings if each[1] >= each[0] and params(*each) <= 5000]


def params(d0: int, d1: int, w0: int, w1: int, kernel: int) -> int:
    channels = [3] + [w0] * d0 + [w1] * d1
    return sum(a * b * kernel**2 for a, b in pairwise(channels))


# What a space is


def test_info(run: Run, spaces: Path) -> None:
    found = report(run, SpaceReport, "info", "spaces.arch", "tiny", "--draws", 400, "--seed", 1)
    assert (found["space"], found["dimensions"], found["settings"]) == ("tiny", 5, 72)
    assert [(d["name"], d["law"], d["values"], d["dimensions"], d["settings"]) for d in found["draws"]] == [
        ("depth", "equal", "1 .. 2", 2, 4),
        ("width", "equal", "8, 16, 24", 2, 9),
        ("kernel", "weights", "3 (0.25), 5 (0.75)", 1, 2),
    ]
    conditions = found["acceptance"]["conditions"]
    assert [each["condition"] for each in conditions] == ["depth[1] >= depth[0]", "a network", "params <= 5000"]
    counts = [(each["passed"]["count"], each["passed"]["of"]) for each in conditions]
    assert counts[0][1] == 400
    assert [of for _, of in counts[1:]] == [count for count, _ in counts[:-1]]
    assert conditions[0]["passed"]["low"] < 3 / 4 < conditions[0]["passed"]["high"]
    weights = [each for each in by_hand() if each[4] == 3], [each for each in by_hand() if each[4] == 5]
    share = (len(weights[0]) / 4 + 3 * len(weights[1]) / 4) / 36
    assert found["acceptance"]["accepted"]["low"] < share < found["acceptance"]["accepted"]["high"]
    text = run("space", "info", spaces, "tiny", "--draws", 0).out
    assert "5 dimensions; 72 settings" in text
    assert "interval" not in text


def test_intervals_do_not_look_exact(run: Run, spaces: Path) -> None:
    """All of 50 draws is less than certain."""
    text = run("space", "info", spaces, "twice", "--draws", 50).out
    assert "100 %  92.86 to 100 %" in text


def test_info_of_many(run: Run, spaces: Path) -> None:
    found = report(run, SpaceReport, "info", spaces, "many", "--draws", 20)
    assert found["settings"] == 10**360
    assert "about 1.00e360 (exact with --format json)" in run("space", "info", spaces, "many", "--draws", 0).out


def test_which_space(run: Run, spaces: Path) -> None:
    assert "it has tiny" in run("space", "info", spaces).err
    assert "has no space `tin`" in run("space", "info", spaces, "tin").err
    assert run("space", "info", f"{spaces}:tiny", "--draws", 0).code == 0
    assert run("space", "info", "spaces.arch:tiny", "tied").code == 2
    assert "no shipped space of that name" in run("space", "info", "regnetq").err
    result = run("space", "info", "nothing.arch", "--format", "json")
    assert result.code == 1
    TypeAdapter(FailureReport).validate_json(result.out, strict=True)
    assert run("space", "info", "anynetx_a", "--draws", 0).out.startswith("anynetx_a\n")


# How many


def test_exact_counts(run: Run, spaces: Path) -> None:
    found = report(run, CountReport, "count", spaces, "tiny", "--networks")
    assert found["exact"]
    assert found["low"] == found["high"] == len(by_hand())
    assert found["networks"] == len(by_hand())
    assert found["acceptance"]["law"] == "all"
    found = report(run, CountReport, "count", spaces, "twice", "--networks")
    assert (found["low"], found["networks"]) == (3 * 16, 3)
    band = report(run, CountReport, "count", spaces, "tiny", "--band", "params=1K..2K")
    assert band["low"] == sum(1000 <= params(*each) <= 2000 for each in by_hand())
    assert "exactly 48 of 48 settings" in run("space", "count", spaces, "twice").out


def test_counts_that_are_intervals(run: Run, spaces: Path) -> None:
    """Of settings that are all alike, though the space's law prefers one kernel."""
    bands = ("--band", "params=..4K", "--band", "acts=..1G")  # of two costs nothing is counted along stages
    found = report(run, CountReport, "count", spaces, "tied", *bands, "--draws", 2000)
    assert (found["exact"], found["method"]) == (False, "interval")
    # Two convolutions of 3 x 3, from 3 to 8 channels and from 8 to the width.
    expected = sum(3 * 8 * 9 + 8 * (8 + a * b // 10000) * 9 <= 4000 for a, b in product(range(1, 1001), repeat=2))
    assert found["low"] < expected < found["high"]
    assert found["structure"]["sums"] is False
    assert "`a`, `b`" in found["structure"]["reason"]
    assert found["acceptance"]["law"] == "equal"
    assert found["acceptance"]["method"] == "Wilson score interval, 95 %"
    along = report(run, CountReport, "count", spaces, "tied", *bands[:2])
    assert (along["exact"], along["method"], along["low"], along["high"]) == (True, "chain", expected, expected)
    text = run("space", "count", spaces, "tied", *bands, "--draws", 100).out
    assert "not all were looked at" in text
    assert "an estimate" in text
    assert "not counted by sums" in text
    assert "not counted by tables of stages" in text
    for words in (("tied", *bands, "--networks"), ("tied", *bands, "--exact")):
        refused = run("space", "count", spaces, *words)
        assert (refused.code, "not counted here: its stages are not the runs of a list" in refused.err) == (1, True)


def test_counts_by_sums(run: Run, spaces: Path) -> None:
    """Exact all the same where more settings are asked about than are looked at one by one."""
    found = report(run, CountReport, "count", spaces, "tiny", "--limit", 10)
    assert (found["exact"], found["method"], found["acceptance"]) == (True, "sums", None)
    assert found["low"] == found["high"] == len(by_hand())
    band = report(run, CountReport, "count", spaces, "tiny", "--limit", 10, "--band", "params=1K..2K")
    assert band["low"] == sum(1000 <= params(*each) <= 2000 for each in by_hand())
    named = {name for part in found["structure"]["parts"] for name in part["draws"]}
    assert named == {"depth[0]", "depth[1]", "width[0]", "width[1]", "kernel"}
    assert "exactly" in run("space", "count", spaces, "tiny", "--limit", 10).out
    told = report(run, SpaceReport, "info", spaces, "tiny")["structure"]
    assert told == found["structure"]
    assert report(run, SpaceReport, "info", spaces, "tiny", "--draws", 0)["structure"] is None


@pytest.mark.usefixtures("here")
def test_more_settings_than_doubles_have(run: Run) -> None:
    """10^402 of them, in which no requirement is met, and of which every one takes too many steps."""
    Path("huge.arch").write_text(
        SPACES + "fn summed(n) = sum([sum([i * k for i in 0 .. 2999]) for k in 0 .. n])\n"
        "space never { n ~ each(134, int(1 .. 1000))  require sum(n) == 133  model: small([1, 1], [8, n[0]], 3) }\n"
        "space bomb { n ~ each(134, int(1 .. 1000))  require summed(2999) > 0  model: small([1, 1], [8, n[0]], 3) }\n"
    )
    count = run("space", "count", "huge.arch", "never", "--draws", 100)
    assert (count.code, count.err) == (0, "")
    assert "accepted: between 0 and about 3.69e400" in count.out
    listed = run("space", "enumerate", "huge.arch", "never", "-o", "all.csv")
    assert listed.err.startswith("Error: `never` has about 1.00e402 settings, more than --limit 1,000,000; ")
    none = run("space", "sample", "huge.arch", "never", "-o", "some.csv", "--max-draws", 500)
    assert (none.code, none.out) == (1, "")
    assert "of 500 settings 0 were accepted" in none.err
    bomb = run("space", "sample", "huge.arch", "bomb", "-o", "some.csv")
    assert (bomb.code, bomb.out) == (1, "")
    assert bomb.err.startswith("Error: huge.arch:")
    assert "takes more than 5,000,000 steps, for a setting of `bomb`" in bomb.err
    assert not Path("some.csv").exists()


def test_settings_without_a_network_are_told(run: Run, spaces: Path) -> None:
    found = report(run, CountReport, "count", spaces, "broken")
    assert (found["low"], found["settings"]) == (1, 2)
    assert [(c["condition"], c["passed"]["count"]) for c in found["acceptance"]["conditions"]] == [("a network", 1)]
    [fault] = found["acceptance"]["no_network"]
    assert fault["index"] == 1
    assert fault["reason"].startswith("E")
    assert f"no network: setting 1: {fault['reason']}" in run("space", "count", spaces, "broken").out
    listed = report(run, PopulationReport, "enumerate", spaces, "broken", "-o", "all.csv")
    assert listed["acceptance"]["no_network"] == [fault]


# Populations


def sampled(run: Run, path: str, *options: Any) -> list[dict[str, Any]]:
    found = report(run, PopulationReport, "sample", "spaces.arch", "tiny", "-o", path, "--force", *options)
    table = read(Path(path))
    assert found["rows"] == len(table)
    assert list(table.columns) == list(found["columns"])
    return [table.row(number) for number in range(len(table))]


@pytest.mark.usefixtures("spaces")
def test_samples_are_members(run: Run) -> None:
    rows = sampled(run, "pop.parquet", "--count", 40, "--seed", 5)
    members = by_hand()
    for row in rows:
        setting = tuple([row[name] for name in VALUES])
        assert setting in members
        assert row["params"] == params(*setting)
        assert (row["seed"], row["space"]) == (5, "spaces.arch:tiny")
    assert [row["index"] for row in rows] == sorted({row["index"] for row in rows})
    for form in ("jsonl", "csv"):
        assert sampled(run, f"pop.{form}", "--count", 40, "--seed", 5) == rows
    assert sampled(run, "less.jsonl", "--count", 15, "--seed", 5) == rows[:15]
    assert sampled(run, "other.jsonl", "--count", 15, "--seed", 6) != rows[:15]


@pytest.mark.usefixtures("spaces")
def test_the_same_population_for_any_number_of_processes(run: Run) -> None:
    options = ("--seed", 2, "--unique")
    single = report(run, PopulationReport, "sample", "spaces.arch", "twice", "-o", "0.jsonl", "--count", 3, *options)
    assert single["repeated"] > 0
    told = []
    for jobs in (1, 2, 3):
        words = ("sample", "spaces.arch", "tiny", "-o", f"{jobs}.jsonl", "--count", 15, "--jobs", jobs)
        told.append(report(run, PopulationReport, *words, *options)["acceptance"])
    assert told[0] == told[1] == told[2]
    texts = [Path(f"{jobs}.jsonl").read_bytes() for jobs in (1, 2, 3)]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.usefixtures("spaces")
def test_members_alone(run: Run) -> None:
    """With their law, or each network alike: what is drawn is a member, and nothing else is."""
    words = ("sample", "spaces.arch", "tiny", "--seed", 3)
    found = report(run, PopulationReport, *words, "--law", "solved", "--count", 30, "-o", "solved.jsonl")
    assert (found["law"], found["acceptance"], found["networks"]) == ("solved", None, None)
    rows = [json.loads(line) for line in Path("solved.jsonl").read_text().splitlines()]
    assert {tuple(row[name] for name in VALUES) for row in rows} <= set(by_hand())
    report(run, PopulationReport, *words, "--law", "solved", "--count", 9, "--jobs", 2, "-o", "less.jsonl")
    assert [json.loads(line) for line in Path("less.jsonl").read_text().splitlines()] == rows[:9]
    every = ("--weights", "networks", "--unique", "--count", len(by_hand()), "-o", "networks.csv")
    found = report(run, PopulationReport, *words, *every)
    assert (found["law"], found["networks"], found["rows"]) == ("networks", len(by_hand()), len(by_hand()))
    space = archdsl.space("spaces.arch", "tiny")
    drawn = space.sample(9, seed=3, law="solved", bands={"params": (2000, 4000)})
    assert ((drawn["params"] >= 2000) & (drawn["params"] <= 4000)).all()
    with pytest.raises(ValueError, match="not drawn alone"):
        archdsl.space("spaces.arch", "tied").sample(1, weights="networks")
    for options, code, message in (
        (("tiny", "--law", "solved", "--append"), 2, "--append adds to"),
        (("tiny", "--law", "rejection", "--weights", "networks"), 2, "members alone"),
        (("tied", "--law", "solved"), 1, "have their costs together"),
        (("tiny", "--law", "solved", "--band", "params=1..2"), 1, "no members"),
        (("tiny", "--weights", "networks", "--unique", "--count", 99, "--max-draws", 200), 1, "nothing is written"),
    ):
        result = run("space", "sample", "spaces.arch", *options, "-o", "none.csv")
        assert (result.code, message in result.err) == (code, True), result.err
        assert not Path("none.csv").exists()


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.usefixtures("spaces")
def test_the_same_population_for_pieces_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from archdsl.spaces.arrays import sampled as pieces

    space = archdsl.space("spaces.arch", "tiny")
    before = space.sample(12, seed=4, unique=True)
    monkeypatch.setattr(pieces, "FIRST", size)
    monkeypatch.setattr(pieces, "LARGEST", size)
    after = space.sample(12, seed=4, unique=True)
    assert {name: column.tolist() for name, column in after.columns.items()} == {
        name: column.tolist() for name, column in before.columns.items()
    }
    assert after.tally == before.tally


@pytest.mark.usefixtures("spaces")
@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_appended(run: Run, form: str) -> None:
    """A table that grew is the one that is drawn at once; what is no such table stays as it is."""
    words = ("sample", "spaces.arch", "tiny", "--seed", 3, "--unique")
    report(run, PopulationReport, *words, "--count", 12, "-o", f"whole.{form}")
    for count in (5, 4, 3):
        report(run, PopulationReport, *words, "--count", count, "--append", "-o", f"grown.{form}")
    whole = read(Path(f"whole.{form}"))
    assert read(Path(f"grown.{form}")) == whole
    if form != "parquet":
        assert Path(f"grown.{form}").read_bytes() == Path(f"whole.{form}").read_bytes()
    before = Path(f"grown.{form}").read_bytes()
    for other, message in [
        (("--seed", 4), "of another seed"),
        (("--no-hash",), "other columns"),
        (("--unique", "--band", "params=..2K"), "was it sampled by other bands?"),
        ((), "was it sampled by other bands?"),
        (("--unique", "--count", 50, "--max-draws", 60), "nothing is written"),
    ]:
        plain = ("space", "sample", "spaces.arch", "tiny", "--seed", 3, "--count", 1)
        result = run(*plain, *other, "--append", "-o", f"grown.{form}")
        assert (result.code, message in result.err) == (1, True), result.err
        assert Path(f"grown.{form}").read_bytes() == before
    assert run("space", *words, "--append", "--force", "-o", f"grown.{form}").code == 2
    with holding_file(Path(f"grown.{form}")) as ours:
        result = run("space", *words, "--count", 1, "--append", "-o", f"grown.{form}")
        assert ours
        assert (result.code, "another process adds to it" in result.err) == (1, True)
    assert Path(f"grown.{form}").read_bytes() == before


@pytest.mark.usefixtures("spaces")
def test_bands_and_networks_once(run: Run) -> None:
    rows = sampled(run, "pop.jsonl", "--count", 5, "--unique", "--band", "params=1000..2000", "--band", "flops=..1M")
    assert all(1000 <= row["params"] <= 2000 and row["flops"] <= 10**6 for row in rows)
    assert len({row["hash"] for row in rows}) == 5
    assert "hash" not in sampled(run, "pop.jsonl", "--count", 5, "--no-hash")[0]


@pytest.mark.usefixtures("spaces")
def test_too_few_members(run: Run) -> None:
    result = run("space", "sample", "spaces.arch", "twice", "--unique", "--count", 4, "--max-draws", 500, "-o", "p.csv")
    assert result.code == 1
    assert "of 500 settings 3 were accepted, and 4 are wanted; nothing is written" in result.err
    assert not Path("p.csv").exists()
    assert not list(Path().glob(".archdsl-*"))


@pytest.mark.usefixtures("spaces")
def test_all_members(run: Run) -> None:
    found = report(run, PopulationReport, "enumerate", "spaces.arch", "tiny", "-o", "all.csv")
    assert (found["rows"], found["resumed"]) == (len(by_hand()), 0)
    with Path("all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [tuple([int(row[name]) for name in VALUES]) for row in rows] == by_hand()
    assert not Path("all.csv.parts").exists()
    result = run("space", "enumerate", "spaces.arch", "many", "-o", "m.csv")
    assert result.code == 1
    assert "more than --limit 1,000,000" in result.err


def test_an_enumeration_goes_on_after_a_kill(run: Run, spaces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed between two parts; what it did is taken, and the table is the same byte for byte."""
    whole = ("space", "enumerate", "spaces.arch", "tiny", "-o")
    small = "from archdsl.spaces.arrays import enumerated\nenumerated.SMALLEST, enumerated.PARTS = 5, 100\n"
    killed = (
        f"{small}import os, signal\nfrom archdsl.cli import main\nkeep = enumerated._keep\n"
        "def dying(work, number, found):\n    keep(work, number, found)\n"
        "    if number == 6:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"enumerated._keep = dying\nmain({[*whole, 'all.jsonl']!r})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", killed], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not Path("all.jsonl").exists()
    assert len(list(Path("all.jsonl.parts").glob("*.json"))) == 8  # seven parts and the ledger
    from archdsl.spaces.arrays import enumerated

    monkeypatch.setattr(enumerated, "SMALLEST", 5)
    monkeypatch.setattr(enumerated, "PARTS", 100)
    before = spaces.read_text()
    spaces.write_text(before + "# changed\n")
    other = run(*whole, "all.jsonl")
    assert other.code == 1
    assert "holds parts of another enumeration" in other.err
    spaces.write_text(before)
    result = run(*whole, "all.jsonl", "--format", "json")
    assert (json.loads(result.out)["resumed"], json.loads(result.out)["parts"]) == (7, 15)
    assert json.loads(result.out)["acceptance"]["accepted"] == {
        "count": len(by_hand()),
        "of": 72,
        **dict.fromkeys(("share", "low", "high"), len(by_hand()) / 72),
    }
    assert run(*whole, "again.jsonl", "--jobs", 2).code == 0
    assert Path("again.jsonl").read_bytes() == Path("all.jsonl").read_bytes()


@pytest.mark.usefixtures("spaces")
def test_two_starts_on_one_table(run: Run) -> None:
    """The second is refused while the first is at it; when that is killed its parts are taken."""
    whole = ("space", "enumerate", "spaces.arch", "tiny", "-o", "all.csv")
    waiting = (
        "import time\nfrom archdsl.cli import main\nfrom archdsl.spaces.arrays import enumerated\n"
        "keep = enumerated._keep\n"
        "def slow(*given):\n    keep(*given)\n    print('at it', flush=True)\n    time.sleep(600)\n"
        f"enumerated._keep = slow\nmain({[*whole]!r})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen([sys.executable, "-c", waiting], env=environment, stdout=subprocess.PIPE)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"at it\n"
        second = run(*whole)
        assert (second.code, second.out) == (1, "")
        assert second.err == "Error: all.csv is being written by another process\n"
        assert not Path("all.csv").exists()
    finally:
        first.kill()
        first.communicate()
    third = run(*whole, "--format", "json")
    assert (third.code, json.loads(third.out)["resumed"]) == (0, 1)
    assert len(Path("all.csv").read_text().splitlines()) == 1 + len(by_hand())


@pytest.mark.usefixtures("spaces")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["sample", "-o", "p.txt"], 2, "a table has one of the suffixes .parquet, .jsonl, .csv"),
        (["sample", "-o", "no/p.csv"], 1, "there is no such folder"),
        (["sample", "-o", "spaces.csv"], 1, "exists already; --force overwrites it"),
        (["sample", "-o", "p.csv", "--band", "flops=1"], 2, "is not MEASURE=A..B"),
        (["sample", "-o", "p.csv", "--band", "speed=1..2"], 2, "the measures are flops, params, acts"),
        (["sample", "-o", "p.csv", "--band", "flops=2M..1M"], 2, "is empty"),
        (["sample", "-o", "p.csv", "--band", "flops=1.5..2"], 2, "'1.5' in 'flops=1.5..2' is no whole number"),
        (["sample", "-o", "p.csv", "--unique", "--no-hash"], 2, "--unique goes by the hashes"),
        (["sample"], 2, "Missing option"),
        (["count", "--jobs", "0"], 2, "0 is not in the range"),
    ],
)
def test_wrong_options(run: Run, words: list[str], code: int, message: str) -> None:
    Path("spaces.csv").write_text("")
    result = run("space", words[0], "spaces.arch", "tiny", *words[1:])
    assert (result.code, result.out) == (code, "")
    assert message in result.err


# Two spaces


@pytest.mark.usefixtures("spaces")
def test_diff(run: Run) -> None:
    found = report(run, SpaceDiffReport, "diff", "spaces.arch:tiny", "spaces.arch:narrow", code=1)
    assert found["narrows"]
    assert [(each["name"], each["change"]) for each in found["draws"]] == [
        ("depth", "same"),
        ("width", "fewer"),
        ("kernel", "same"),
    ]
    assert (found["added"], found["removed"]) == (["require depth[0] == 1"], [])
    assert (found["a"]["settings"], found["b"]["settings"]) == (72, 16)
    back = report(run, SpaceDiffReport, "diff", "spaces.arch:narrow", "spaces.arch:tiny", code=1)
    assert not back["narrows"]
    assert [each["change"] for each in back["draws"]] == ["same", "more", "same"]
    assert report(run, SpaceDiffReport, "diff", "spaces.arch:tiny", "spaces.arch:tiny")["same"]
    assert (
        "every member of narrow is a member of tiny"
        in run("space", "diff", "spaces.arch:tiny", "spaces.arch:narrow").out
    )
    assert run("space", "diff", "spaces.arch:tiny", "spaces.arch:nothing").code == 2


@pytest.mark.usefixtures("spaces")
def test_diff_takes_spaces(run: Run) -> None:
    """`archdsl diff` of two spaces is `archdsl space diff`; of a space and a network it is nothing."""
    for pair in (("spaces.arch:tiny", "spaces.arch:narrow"), ("regnetx", "regnetx_400mf"), ("spaces.arch:tiny",) * 2):
        for form in ("text", "json"):
            plain = run("diff", *pair, "--format", form)
            assert plain == run("space", "diff", *pair, "--format", form)
            assert plain.code == (0 if pair[0] == pair[1] else 1)
    assert run("diff", "spaces.arch:net", "spaces.arch:wide").code == 1
    mixed = run("diff", "spaces.arch:tiny", "spaces.arch:net")
    assert (mixed.code, mixed.out) == (2, "")
    assert "archdsl space contains spaces.arch:tiny spaces.arch:net" in mixed.err
    assert run("diff", "spaces.arch:tiny", "spaces.arch:nothing").code == 2
    assert "--convention is for models" in run("diff", "anynetx_a", "anynetx_b", "--convention", "thop").err


# Members


@pytest.mark.usefixtures("spaces")
@pytest.mark.parametrize("tries", [1, 1000])
def test_contains(run: Run, tries: int) -> None:
    """The first setting that the network suggests is it; and all are gone through where they are few."""
    found = report(run, ContainsReport, "contains", "spaces.arch:tiny", "spaces.arch:net", "--tries", tries)
    assert found["answer"] == "member"
    values = {each["name"]: each["value"] for each in found["draws"]}
    assert values == {"depth": "[1, 2]", "width": "[8, 16]", "kernel": "3"}
    assert found["all"] == (tries == 1000)


@pytest.mark.usefixtures("spaces")
def test_does_not_contain(run: Run) -> None:
    def asked(net: str, *options: Any) -> dict[str, Any]:
        return report(run, ContainsReport, "contains", "spaces.arch:tiny", f"spaces.arch:{net}", *options, code=1)

    large = asked("large")
    assert (large["answer"], large["refused"], large["looked"]) == ("no member", "require params <= 5000", 0)
    deep = asked("deep")
    assert (deep["answer"], deep["refused"], deep["all"]) == ("no member", "require depth[1] >= depth[0]", True)
    assert asked("deep", "--tries", 1)["answer"] == "not decided"
    wide = asked("wide", "--tries", 10)
    assert wide["answer"] == "no member"
    assert run("space", "contains", "spaces.arch:tiny", "spaces.arch:none").code == 2


@pytest.mark.usefixtures("here")
def test_published_networks_are_members(run: Run) -> None:
    """RegNetX-400MF is drawn with another slope than the paper prints, which gives the same network."""
    found = report(run, ContainsReport, "contains", "regnetx", "regnetx_400mf")
    assert found["answer"] == "member"
    assert {each["name"]: each["value"] for each in found["draws"]}["depth"] == "22"
    assert report(run, ContainsReport, "contains", "anynetx_e_400mf", "regnetx_400mf")["answer"] == "member"
    found = report(run, ContainsReport, "contains", "anynetx_e_400mf", "regnetx_800mf", code=1)
    assert (found["answer"], found["refused"]) == ("no member", "require 360M <= flops <= 400M")


@pytest.mark.parametrize("family", ["regnetx", "regnety"])
def test_all_published_regnets_are_within_the_limits(family: str) -> None:
    """All 24 of Radosavovic et al. 2020, figures 15 and 16. RegNetY-4GF has a text of its own, which
    tells no parameters: it is the network of these."""
    regimes = "200mf 400mf 600mf 800mf 1_6gf 3_2gf 4gf 6_4gf 8gf 12gf 16gf 32gf"
    names = [f"{family}_{regime}" for regime in regimes.split()]
    space = archdsl.space(f"{family}_published")
    nets = {name: archdsl.compile(name) for name in names}
    if family == "regnety":
        told = {"depth": 22, "w_0": 96, "w_a": "31.41", "w_m": "2.24", "group_width": 64}
        alone = nets["regnety_4gf"]
        nets["regnety_4gf"] = archdsl.compile(str(SPECS / "regnet" / "regnety.arch"), model="regnety", set=told)
        assert nets["regnety_4gf"].hash == alone.hash
    assert {name: space.contains(net).answer for name, net in nets.items()} == dict.fromkeys(names, "member")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["anynetx_a", "regnetx", "efficientnetv2"])
def test_members_are_found_again(name: str) -> None:
    """What was drawn of a large space is found from the network alone: its hash is what is asked."""
    space = archdsl.space(name)
    population = space.sample(3, seed=1)
    for number in range(len(population)):
        found = space.contains(population.member(number), tries=200)
        assert (found.answer, found.all) == ("member", False)


# Rows as networks


@pytest.mark.usefixtures("spaces")
@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_a_row_is_a_network(run: Run, form: str) -> None:
    path = f"pop.{form}"
    row = sampled(run, path, "--count", 4)[3]
    found = json.loads(run("cost", f"{path}:3", "--format", "json").out)
    assert [found[name] for name in ("hash", "flops", "params", "acts")] == [
        row[name] for name in ("hash", "flops", "params", "acts")
    ]
    assert found["model"] == "tiny_3"
    assert json.loads(run("cost", f"{path}:3", "--input", "3x16x16", "--format", "json").out)["input"] == [3, 16, 16]
    assert f"# hash {row['hash']}" in run("show", f"{path}:3").out
    assert run("diff", f"{path}:3", f"{path}:3").code == 0
    assert run("compile", f"{path}:3", "-o", "out", "--target", "torch").code == 0
    assert f"from {path}:3." in (Path("out") / "tiny_3.py").read_text()
    assert run("plot", "stages", f"{path}:3").code == 0
    assert archdsl.compile(f"{path}:3").hash == row["hash"]
    assert archdsl.compile(f"{path}:3", set={"stages[0].width": 4}).hash != row["hash"]


def test_a_row_from_another_folder(run: Run, spaces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = spaces.parent / "tables"
    folder.mkdir()
    words = ("sample", "spaces.arch", "tiny", "--count", 2, "-o", "tables/pop.jsonl")
    report(run, PopulationReport, *words)
    assert run("cost", "tables/pop.jsonl:1").code == 0
    monkeypatch.chdir(folder)
    assert json.loads(Path("pop.jsonl").read_text().splitlines()[0])["space"] == "../spaces.arch:tiny"
    assert run("cost", "pop.jsonl:1").code == 0


@pytest.mark.usefixtures("here")
def test_a_row_of_a_shipped_space(run: Run) -> None:
    report(run, PopulationReport, "sample", "anynetx_a", "--count", 2, "-o", "pop.jsonl")
    assert json.loads(Path("pop.jsonl").read_text().splitlines()[0])["space"] == "specs/spaces/anynetx.arch:anynetx_a"
    assert run("cost", "pop.jsonl:1").code == 0


def test_a_row_of_a_file_that_is_called_as_a_shipped_one(run: Run, here: Path) -> None:
    """Each is found again: the user's own by its place, the shipped one by its name."""
    own = here / "specs" / "spaces" / "anynetx.arch"
    own.parent.mkdir(parents=True)
    own.write_text(SPACES.replace("space tiny", "space anynetx_a").replace("refines tiny", "refines anynetx_a"))
    report(run, PopulationReport, "sample", f"{own.relative_to(here)}:anynetx_a", "--count", 1, "-o", "own.jsonl")
    report(run, PopulationReport, "sample", "anynetx_a", "--count", 1, "-o", "shipped.jsonl")
    for name, shape in [("own", [3, 8, 8]), ("shipped", [3, 224, 224])]:
        assert json.loads(run("cost", f"{name}.jsonl:0", "--format", "json").out)["input"] == shape


def test_rows_that_are_none(run: Run, spaces: Path) -> None:
    rows = sampled(run, "pop.jsonl", "--count", 2)
    lines = Path("pop.jsonl").read_text().splitlines()

    def fault(text: str) -> str:
        result = run("cost", text)
        assert (result.code, result.out) == (1, "")
        return str(result.err)

    assert "there is no row 2: the table has rows 0 to 1" in fault("pop.jsonl:2")
    assert "there is no such file" in fault("nothing.parquet:0")
    for changes, message in [
        ({"kernel": 7}, "7 is no value of `kernel`"),
        ({"hash": "0" * 64}, "gives another network than the row's, whose hash is 0000000000000000"),
        ({"space": "elsewhere.arch:tiny"}, "there is no such file"),
        ({"space": 5}, "the table is no population"),
    ]:
        Path("bad.jsonl").write_text(json.dumps({**rows[0], **changes}) + "\n")
        assert message in fault("bad.jsonl:0")
    Path("other.csv").write_text("a,b\n1,2\n")
    assert "the table is no population" in fault("other.csv:0")
    spaces.write_text(SPACES.replace("params <= 5000", "params <= 6000"))
    assert "`tiny` of spaces.arch is not as it was when the table was written" in fault("pop.jsonl:0")
    assert len(lines) == 2
    assert run("cost", "pop.jsonl:0", "--model", "tiny").code == 2
    with pytest.raises(archdsl.CompileError, match="is not as it was"):
        archdsl.compile("pop.jsonl:0")


# Pictures


@pytest.mark.usefixtures("spaces")
def test_plots(run: Run) -> None:
    pytest.importorskip("matplotlib", reason="plot needs matplotlib")
    words = ("plot", "space", "spaces.arch:tiny", "spaces.arch:narrow", "--count", 5)
    for show, column in [("costs", "depth"), ("acceptance", "condition"), ("widths", "width")]:
        count = () if show != "widths" else ("--count", 2)
        result = run(*words, "--show", show, *count, "-o", f"{show}.html", "-o", f"{show}.svg", "--format", "json")
        assert result.code == 0, result.err
        rows = json.loads(result.out)["rows"]
        assert column in rows[0]
        assert "<title>" in Path(f"{show}.html").read_text()
        assert "<script" not in Path(f"{show}.html").read_text()
    costs = json.loads(run(*words, "--format", "json").out)["rows"]
    rows = sampled(run, "pop.jsonl", "--count", 5)
    same = ("index", "flops", "params", "acts", "hash")
    assert [[row[name] for name in same] for row in costs if row["model"] == "tiny"] == [
        [row[name] for name in same] for row in rows
    ]
    assert {row["depth"] for row in costs} <= {2, 3, 4}
    assert run(*words, "--show", "widths").code == 2


# Python


@pytest.mark.usefixtures("spaces")
def test_python(run: Run) -> None:
    space = archdsl.space("spaces.arch", "tiny")
    assert (space.name, space.settings, space.dimensions) == ("tiny", 72, 5)
    population = space.sample(10, seed=5)
    rows = sampled(run, "pop.parquet", "--count", 10, "--seed", 5)
    for name, column in population.columns.items():
        if name != "space_hash":
            assert column.tolist() == [row[name] for row in rows]
    assert population["flops"].dtype == "int64"
    assert len(population) == 10
    net = population.member(3)
    assert net.hash == rows[3]["hash"] == space.member(rows[3]).hash
    assert space.contains(net).answer == "member"
    assert space.count().low == len(by_hand()) == len(space.enumerate())
    assert len(space.enumerate(bands={"params": (1000, 2000)})) == sum(1000 <= params(*m) <= 2000 for m in by_hand())
    population.save("saved.csv")
    assert archdsl.compile("saved.csv:3").hash == net.hash
    with pytest.raises(ValueError, match="9 is no value of `kernel`"):
        space.member({**rows[0], "kernel": 9})
    with pytest.raises(archdsl.CompileError, match="the setting is no member of `tiny`"):
        space.member((1, 0, 0, 0, 0))
    with pytest.raises(ValueError, match="a setting of tiny is 5 numbers"):
        space.member((1, 0))
    with pytest.raises(ValueError, match="'speed' is no measure"):
        space.sample(1, bands={"speed": (0, 1)})
    with pytest.raises(archdsl.CompileError, match="has no space `tinny`"):
        archdsl.space("spaces.arch", "tinny")
