# ruff: noqa: E501 - tables as they are printed
"""`archdsl paper`: what the papers print, letter by letter, with the compiler's figures beside it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
from cli_cases import ROOT, Run
from pydantic import TypeAdapter

from archdsl.analysis.verify import rounded
from archdsl.commands import paper as commanded
from archdsl.commands import printed as printed_data
from archdsl.commands import progress
from archdsl.commands.printed import paper_files
from archdsl.compiler import Changes, Compiled
from archdsl.graph.cost import count
from archdsl.papers.compare import compare, listed
from archdsl.papers.data import Paper, Table, paper_of
from archdsl.papers.figures import FAULTS, Figure, PaperRow, TableReport
from archdsl.papers.names import UnknownTable, choose
from archdsl.papers.networks import Networks
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.views.paper import PaperReport
from archdsl.zoo import declared

PAPERS = [paper_of(read_data(path)) for path in paper_files()]
KEYS = [paper.key for paper in PAPERS]
TABLES = [(paper, table) for paper in PAPERS for table in paper.tables]
ORACLE: list[dict[str, Any]] = json.loads((ROOT / "tests/oracle/paper_tables.json").read_text(encoding="utf-8"))["rows"]
MEASURES = ("flops", "params", "acts")
each_table = pytest.mark.parametrize(("paper", "table"), TABLES, ids=[f"{p.key}:{t.id}" for p, t in TABLES])


@cache
def networks() -> Networks:
    return Networks(declared())


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of these tests share their networks."""
    monkeypatch.setattr(commanded, "Networks", lambda _: networks())


@cache
def report(key: str, name: str) -> TableReport:
    """The report of a table, by the paper's key and the table's name."""
    paper, table = next((p, t) for p, t in TABLES if (p.key, t.name) == (key, name))
    return compare(paper, table, networks())


# The data


def printed_rows(path: str) -> list[dict[str, Any]]:
    """The rows of the networks of a paper's data, in the oracle's form."""
    found = json.loads(read_data(path))
    rows = []
    for table in found["tables"]:
        if table["kind"] != "networks":
            continue
        for row in table["rows"]:
            given = {key: row[key] for key in ("row", *MEASURES, "reported") if key in row}
            resolution = {"resolution": row["input"]} if "input" in row else {}
            rows.append(
                {"paper": found["paper"], "table": table["name"], "model": row.get("model"), **resolution, **given}
            )
    return rows


def test_the_data_are_the_printed_rows() -> None:
    """Both ways: every row that the oracle knows is shipped, and no other."""
    keys = ("paper", "table", "row", "model", "resolution", *MEASURES, "reported")
    known = [{key: row[key] for key in keys if key in row and (key != "resolution" or row[key])} for row in ORACLE]
    shipped = [row for path in paper_files() for row in printed_rows(path)]
    assert len(shipped) == len(known) == 393
    in_order = [json.dumps(row, sort_keys=True) for row in shipped]
    assert Counter(in_order) == Counter([json.dumps(row, sort_keys=True) for row in known])


@each_table
def test_data_are_whole(paper: Paper, table: Table) -> None:
    assert paper.title
    assert paper.published
    assert table.about
    assert set(table.reported) <= set(paper.headings)
    without = [row for row in table.rows if table.kind == "networks" and row.model is None]
    assert bool(table.without_network) == bool(without)
    if table.base is not None:
        source = Source("program.arch", table.base.program)
        assert format_source(source) == table.base.program
    for row in table.rows:
        assert row.figures or row.cells or row.reported
        assert set(row.cells) == {column.name for column in table.columns}


def test_names_are_unique() -> None:
    names = [f"{paper.key}:{table.id}" for paper, table in TABLES]
    assert len(set(names)) == len(names) == 72
    for paper, table in TABLES:
        assert choose(f"{paper.key}:{table.id}", PAPERS) == [(paper, table)]


NUMBERED = {
    "efficientnetv2": [*map(str, range(1, 14))],
    "fast_scaling": [*map(str, range(1, 9))],
    "regnet": [*map(str, range(1, 8))],
    "rexnet": [*map(str, range(1, 10)), "A1", "A2", "A3", "A4", "A5"],
    "rexnet_v1": [*map(str, range(1, 13))],
}
"""The tables that the papers have."""


def test_all_numbered_tables_are_there() -> None:
    """As the README says, with their rows and how many of these have figures of ours."""
    for paper in PAPERS:
        names = [re.match(r"Table ([A-Z]?\d+)", table.name) for table in paper.tables]
        assert list(dict.fromkeys([found[1] for found in names if found is not None])) == NUMBERED[paper.key]
    reports = [listed(paper, table) for paper, table in TABLES]
    rows, compared = sum(each.size for each in reports), sum(each.compared for each in reports)
    words = f"{len(TABLES)} tables with {rows} rows, {compared} of which have"
    assert words in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


# The figures


MARKS = {
    "same": "strict",
    "convention": "alternative",
    "truncated": "alternative",
    "size": "alternative",
    "explained": "explained",
    "no network": "out of scope",
    "guess": "out of scope",
}
RECORDED = sorted({(row["paper"], row["table"]) for row in ORACLE})


@pytest.mark.parametrize(("paper", "table"), RECORDED, ids=["/".join(names) for names in RECORDED])
def test_marks(paper: str, table: str) -> None:
    """A figure has a mark exactly where the independent counter says that the paper's conventions do not give it."""
    order = ["strict", "alternative", "explained", "out of scope", *FAULTS]
    for row in [row for row in ORACLE if (row["paper"], row["table"]) == (paper, table)]:
        found = [r for r in report(paper, table).rows if is_the_row(r, row)]
        assert found, row["id"]
        agreements = {MARKS.get(figure.agreement, figure.agreement) for r in found for figure in r.figures}
        worst = max(agreements, key=order.index)
        # A network may claim a figure by a tool's convention.
        assert order.index(worst) <= order.index(row["quality"]), row["id"]
        assert (worst in ("alternative", "explained")) == (row["quality"] in ("alternative", "explained")), row["id"]


def is_the_row(found: PaperRow, row: dict[str, Any]) -> bool:
    figures = {figure.column: figure.printed for figure in found.figures}
    return (found.row, figures) == (row["row"], {m: row[m] for m in MEASURES if m in row})


@each_table
def test_figures_are_those_of_the_counter(paper: Paper, table: Table) -> None:
    """To the unit, in whatever convention of the paper."""
    counts = {"flops": ("macs", "flops_pycls"), "params": ("params",), "acts": ("acts_pycls", "acts_2020")}
    for found in report(paper.key, table.name).rows:
        row = next((r for r in ORACLE if r["paper"] == paper.key and is_the_row(found, r)), None)
        for figure in found.figures if row is not None and row.get("computed") else ():
            assert row is not None
            assert figure.computed in [row["computed"][name] for name in counts[figure.column]]


def test_nothing_is_without_a_reason() -> None:
    figures = [(t, f) for p, t in TABLES for row in report(p.key, t.name).rows for f in (*row.figures, *row.structure)]
    assert not [each for each in figures if each[1].agreement in FAULTS]
    notes = [each for each in figures if each[1].agreement == "explained"]
    assert notes
    for table, figure in notes:
        quoted = figure.printed if table.kind == "networks" else table.name.partition(" (")[0].lower()
        assert str(quoted) in (figure.note or "")
    cut = [figure for _, figure in figures if figure.agreement == "truncated"]
    assert cut
    assert all(figure.truncated and figure.agreed and figure.agrees_by for figure in cut)


def test_stages_of_a_network() -> None:
    rows = report("efficientnetv2", "Table 4").rows
    shown = [[figure.ours for figure in row.figures] for row in rows]
    assert shown[0] == ["conv_norm_act, kernel 3", "2", "24", "1"]
    assert shown[4] == ["mbconv, expand 4, kernel 3, se_ratio 0.25", "2", "128", "6"]
    assert shown[7] == ["conv_head", "-", "1280", "1"]
    assert {figure.agreement for row in rows for figure in row.figures} == {"same"}


REPORTS: dict[str, Any] = json.loads((ROOT / "tests/oracle/paper_reports.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", REPORTS["tables"])
def test_tables_without_counts(name: str) -> None:
    """Row by row what the paper's text has; a cell that the text lost has no value."""
    [(paper, table)] = choose(name, PAPERS)
    rows = []
    for row in report(paper.key, table.name).rows:
        printed = [figure.printed for figure in row.figures]
        values = [value for value in row.reported.values() if value is not None]
        rows.append([*([] if paper.key == "rexnet_v1" else [row.row]), *printed, *values])
    assert rows == REPORTS["tables"][name]


@pytest.mark.parametrize("name", REPORTS["channels"])
def test_lists_of_channels(name: str) -> None:
    [(paper, table)] = choose(name, PAPERS)
    stem, *stages = [[figure.printed for figure in row.figures] for row in report(paper.key, table.name).rows]
    text = "-".join([f"{width}(x{depth})" for width, depth in stages])
    assert (stem[1], f"{stem[0]} / {text}") == ("1", REPORTS["channels"][name])


def test_progressive_learning_costs() -> None:
    """Of the sizes by algorithm 1 of Tan & Le 2021, and of those of the released code, as shares of full size."""
    costs = {cost.row: cost for cost in report("efficientnetv2", "Table 6").training}
    assert costs["S, the code"].by_area == f"{(171**2 + 214**2 + 257**2 + 300**2) / 4 / 300**2:.3f}" == "0.642"
    assert costs["S, the paper"].by_area == f"{(128**2 + 185**2 + 243**2 + 300**2) / 4 / 300**2:.3f}" == "0.555"
    assert f"{(128**2 + 185**2 + 242**2 + 300**2) / 4 / 300**2:.3f}" == "0.553"  # as the note says
    for cost in (*costs.values(), *report("efficientnetv2", "Table 12").training):
        sides = [int(size.partition(" x ")[0]) for size in cost.sizes]
        found = [networks().find(cost.network, Changes(input=f"{side}x{side}")) for side in sides]
        flops = [count(each.network).flops for each in found if each is not None]
        assert cost.flops == flops
        assert cost.by_flops == f"{sum(flops) / len(flops) / flops[-1]:.3f}"


def test_steps_of_transfer() -> None:
    """Tan & Le 2021, section 5.3: 10,000 steps of 512 images, here of whole epochs."""
    images = {"Flowers": 2040, "Cars": 8144, "CIFAR-10": 50000, "CIFAR-100": 50000}
    for row in report("efficientnetv2", "Table 9").rows:
        epochs, batch = [figure.computed for figure in row.structure]
        assert epochs is not None
        steps = images[row.row.split(" ")[0]] // 512
        assert batch == 512
        assert abs(epochs * steps - 10_000) <= steps / 2


def test_replaced_activations() -> None:
    """Each network of tables 5a and 5b has the activations that its row ticks."""
    for name, last in (("Table 5a", "second"), ("Table 5b", "head")):
        for row in report("rexnet_v1", name).rows:
            told = {figure.column: figure.ours for figure in row.structure}
            ticks = list(row.reported.values())[:2]
            assert [told["first"], told[last]] == ["silu" if tick == "✓" else "relu6" for tick in ticks]


def test_guesses() -> None:
    """Where the paper prints a mean of searched networks, ours of one is no proof: none agrees, none is a fault."""
    rows = report("rexnet", "Table 3").rows
    assert {figure.agreement for row in rows for figure in row.figures} == {"guess", "no network"}
    best = {figure.column: figure for figure in rows[3].figures}
    assert (best["params"].ours, best["flops"].ours) == ("0.5M", "100M")
    assert best["flops"].note is None


def test_sizes_of_spaces() -> None:
    """Table 1 of Radosavovic et al. 2020: D and E are divided by the orders of widths and depths, which is noted."""
    rows = report("regnet", "Table 1").rows
    shown = {row.row: [(f.ours, f.computed) for f in row.figures] for row in rows}
    c = (16 * 128) ** 4 * 18
    assert shown["AnyNetXA"] == [("16", 16), ("1.8e18", (16 * 128 * 18) ** 4)]
    assert shown["AnyNetXD"] == [("10", 10), ("1.3e13", c)]
    assert shown["AnyNetXE"] == [("10", 10), ("5.5e11", c)]
    assert shown["RegNet"] == [("6", 6), ("3.0e8", 64**4 * 18)]
    assert {figure.agreement for row in rows for figure in row.figures} == {"same"}
    assert [row.space for row in rows if any(figure.note for figure in row.figures)] == ["anynetx_d", "anynetx_e"]


def test_powers_of_the_factor() -> None:
    """Tables 1 to 4: on d = 16 layers of width w = 1024 at r = 256, d w^2 r^2 flops, scaled by 64."""
    rows = {row.row: {f.column: f for f in row.figures} for row in report("fast_scaling", "Table 1").rows}
    base = 16 * 1024**2 * 256**2
    assert {name: (row["flops"].base, row["flops"].computed) for name, row in rows.items()} == {
        "none": (base, base),
        "d": (base, 64 * base),
        "w": (base, 64 * base),
        "r": (base, 64 * base),
    }
    assert rows["w"]["acts"].computed == 8 * 16 * 1024 * 256**2
    assert rows["r"]["params"].computed == 16 * 1024**2
    assert (rows["w"]["w"].ours, rows["r"]["r"].ours, rows["d"]["d"].ours) == ("s^(1/2)", "s^(1/2)", "s")
    for name in ("Table 1", "Table 2", "Table 3", "Table 4"):
        agreements = {figure.agreement for row in report("fast_scaling", name).rows for figure in row.figures}
        assert agreements - {"not compared"} == {"same"}
    fast = {f.column: f.ours for row in report("fast_scaling", "Table 4").rows if row.row == "dWr" for f in row.figures}
    [general] = [row for row in report("fast_scaling", "Table 4").rows if row.row == "alpha"]
    assert [(f.ours, f.agreement) for f in general.figures][1:] == [
        ("(1 - a)/2", "same"),
        ("a", "same"),
        ("(1 - a)/2", "same"),
        ("s", "same"),
        ("s^((a + 1)/2)", "same"),
        ("s^((2 - a)/2)", "same"),
    ]
    assert list(fast.values()) == [None, "1/10", "4/5", "1/10", "s", "s^(9/10)", "s^(3/5)"]


def test_scaled_networks() -> None:
    """The ratios that the reference scaler gives."""
    known = json.loads((ROOT / "tests/oracle/scaled.json").read_text())["flops_ratios_of_regnety_4gf_by_4"]
    ratios = [r for name in ("Table 1", "Table 4") for r in report("fast_scaling", name).ratios]
    found = {r.row: r for r in ratios if (r.network, r.measure) == ("regnety_4gf", "flops")}
    assert {name: float(found[name].ratio) for name in ("d", "dWr")} == {name: known[name] for name in ("d", "dWr")}
    assert (found["dWr"].base, found["dWr"].scaled) == (3973301344, 15608249240)


def test_parameters_of_the_networks() -> None:
    row = next(row for row in report("regnet", "Figure 15").rows if row.row == "RegNetX-8.0GF")
    assert [(figure.column, figure.ours) for figure in row.structure] == [
        ("d_i", "[2, 5, 15, 1]"),
        ("w_i", "[80, 240, 720, 1920]"),
        ("g", "120"),
        ("b", "1"),
        ("w_a", "49.56"),
        ("w_0", "80"),
        ("w_m", "2.88"),
    ]
    assert {figure.printed for figure in row.structure} == {None}


# The output

SHOWN = {
    "rexnet:a2": """\
                        flops          params                                as reported by the paper
row              input  printed  ours  printed   ours                        top-1  CPU   GPU, FP32  GPU, FP16
---------------  -----  -------  ----  -------  -----  --------------------  -----  ----  ---------  ---------
Eff-lite0          224     0.4G  0.4G     4.7M   4.7M                        75.1%  30ms  21ms       15ms
ReX-lite (x1.0)    224     0.4G  0.4G     4.7M   4.7M                        76.2%  31ms  22ms       14ms
Eff-lite1          240     0.6G  0.6G     5.4M   5.4M                        76.7%  44ms  32ms       22ms
ReX-lite (x1.3)    224     0.6G  0.6G     6.8M   6.7M  cut off by keras [1]  77.8%  36ms  28ms       18ms
Eff-lite2          260     0.9G  0.9G     6.1M   6.1M                        77.6%  48ms  41ms       29ms
ReX-lite (x1.5)    224     0.8G  0.8G     8.3M   8.3M                        78.6%  39ms  33ms       20ms
Eff-lite3          280     1.4G  1.4G     8.2M   8.2M                        79.8%  60ms  58ms       42ms
ReX-lite (x2.0)    224     1.5G  1.5G    13.0M  13.0M                        80.2%  49ms  46ms       26ms
""",
    "rexnet_v1:7": """\
                                 flops                         params         as reported by the paper
row                       input  printed    ours               printed  ours  top-1  top-5
------------------------  -----  -------  ------  -----------  -------  ----  -----  -----
MobileNetV1 [13] (paper)    224   0.575G  0.569G  differs [1]     4.2M  4.2M   70.6   89.5
MobileNetV1 (ours)          224   0.575G  0.569G  differs [1]     4.2M  4.2M   72.5   90.7
MobileNetV2 [41] (paper)    224   0.300G  0.301G  cut off [2]     3.5M  3.5M   72.0   91.0
MobileNetV2 (ours)          224   0.300G  0.301G  cut off [2]     3.5M  3.5M   73.1   91.3
""",
    "efficientnetv2:10": """\
                    flops                   params         as reported by the paper
row          input  printed  ours           printed  ours  accuracy (%)  training (h)  inference (ms)  params, flops
-----------  -----  -------  ----  -------  -------  ----  ------------  ------------  --------------  --------------
V1-B7          600      38G   38G               66M   66M          85.0  54            170             -
V2-M (ours)    480      24G   25G  cut off      55M   55M          85.1  13 (-76%)     57 (-66%)       (-17%), (-37%)
""",
    "fast_scaling:6": """\
                            flops          params          acts            as reported by the paper
row                  input  printed  ours  printed   ours  printed   ours  epoch (min)  error, 1x  error, 2x  error, 4x
-------------------  -----  -------  ----  -------  -----  -------  -----  -----------  ---------  ---------  ---------
RegNetY-500MF [1]      224     0.5G           5.6M            4.2M                 2.3  24.8±0.07  23.9±0.14  23.2±0.05
RegNetZ-500MF          224     0.5G  0.5G     7.1M   7.1M     5.9M   5.9M          3.1  22.2±0.04  21.3±0.02  21.0±0.08
RegNetY-4GF-224        224     4.0G  4.0G    20.6M  20.6M    12.3M  12.3M          6.4  19.4±0.07  18.4±0.05  18.1±0.07
RegNetY-4GF [1]                4.1G          22.4M           14.5M                 7.7  18.8±0.04  18.0±0.07  17.7±0.09
RegNetZ-4GF-224 [1]    224     4.0G          26.9M           20.8M                11.3  17.7±0.04  17.2±0.06  17.0±0.04
RegNetZ-4GF            256     4.0G  4.0G    28.1M  28.1M    24.3M  24.3M         11.7  17.5±0.09  17.0±0.12  16.9±0.04
""",
    "fast_scaling:3": """\
                            w                   g                   flops            params         acts
row   scaling               printed    ours     printed    ours     printed    ours  printed  ours  printed        ours
----  --------------------  ---------  -------  ---------  -------  ---------  ----  -------  ----  -------------  -------
none                        w          1        g          1        w g r^2    1     w g      1     w r^2          1
w     w_fixed_group(s ^ 2)  s w        s        g          1        s w g r^2  s     s w g    s     s w r^2        s
g     g(s)                  w          1        s g        s        s w g r^2  s     s w g    s     1 w r^2        1
wg    w(s)                  s^(1/2) w  s^(1/2)  s^(1/2) g  s^(1/2)  s w g r^2  s     s w g    s     s^(1/2) w r^2  s^(1/2)
""",
}
SHOWN["regnet:3a"] = """\
                      flops           params                       acts            as reported by the paper
row            input  printed   ours  printed   ours               printed   ours  inference (ms)  training (h)  top-1 error  error [original]
-------------  -----  -------  -----  -------  -----  -----------  -------  -----  --------------  ------------  -----------  ----------------
ResNet-50        224     4.1G   4.1G    22.6M  25.6M  differs [1]    11.1M  11.1M              53          12.2  23.2±0.09    [23.9]
RegNetX-3.2GF    224     3.2G   3.2G    15.3M  15.3M                 11.4M  11.4M              57          14.3  21.7±0.08
ResNeXt-50       224     4.2G   4.2G    25.0M  25.0M                 14.4M  14.4M              78          18.0  21.9±0.10    [22.2]
ResNet-101       224     7.8G   7.8G    44.6M  44.5M  differs [2]    16.2M  16.2M              90          20.4  21.4±0.11    [22.0]
RegNetX-6.4GF    224     6.5G   6.5G    26.2M  26.2M                 16.4M  16.4M              92          23.5  20.8±0.07
ResNeXt-101      224     8.0G   8.0G    44.2M  44.2M                 21.2M  21.2M             137          31.8  20.7±0.08    [21.2]
ResNet-152       224    11.5G  11.5G    60.2M  60.2M                 22.6M  22.6M             130          29.2  20.9±0.12    [21.6]
RegNetX-12GF     224    12.1G  12.1G    46.1M  46.1M                 21.4M  21.4M             137          32.9  20.3±0.04
"""


@pytest.mark.parametrize("name", SHOWN)
def test_tables(run: Run, name: str) -> None:
    result = run("paper", name)
    assert (result.code, result.err) == (0, "")
    assert result.out.split("\n\n")[1] + "\n" == SHOWN[name]
    for number in (1, 2):
        assert (f"differs [{number}]" in result.out or f"cut off [{number}]" in result.out) <= (
            f"\n[{number}] " in result.out
        )


def test_words_below_a_table(run: Run) -> None:
    """The notes in the order of the rows, what the marks mean, and a line that sums up."""
    text = run("paper", "regnet", "4").out
    for words in (
        "by keras  the printed figure counts otherwise: Keras count_params",
        "by the convention regnet_2020: the RegNet paper of 2020",
        "\n[1] efficientnet_b2: ",
        "\n[2] efficientnet_b3: ",
        "36 printed figures: 29 as printed, 1 as printed by another convention, 6 otherwise, with a reason\n",
    ):
        assert words in text
    assert "12.0M" in text[text.index("[2] efficientnet_b3") :]
    assert "how often as large" not in text
    assert "the networks as their specs give them" in run("paper", "regnet:figure-16").out
    assert "how often as large networks become, by a factor s of 4:" in run("paper", "fast_scaling:1").out


def agreements(run: Run, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The figures of a table by row and column."""
    table = json.loads(run("paper", name, "--format", "json").out)["tables"][0]
    return {(row["row"], figure["column"]): figure for row in table["rows"] for figure in row["figures"]}


def test_claims_at_another_size(run: Run) -> None:
    """A claim's `at` counts where it is not the row's size; the words say at which."""
    found = agreements(run, "rexnet_v1:12")
    inception = found["InceptionV3 [46]", "flops"]
    assert (inception["agreement"], inception["agrees_at"], inception["agrees_by"]) == ("size", "224 x 224", "ptflops")
    resnext = found["ResNeXt101_64x4d [53]", "flops"]
    assert (resnext["agreement"], resnext["agrees_at"], resnext["agrees_by"]) == ("size", "320 x 320", "papers")
    assert rounded(resnext["agreed"], "31.5G", truncated=False) == 31_500_000_000
    text = run("paper", "rexnet_v1:12").out
    for words in ("at 224 x 224 by ptflops [", "at 320 x 320 [", "2 as printed at another size of image", "\nat  "):
        assert words in text


def test_params_with_the_statistics_of_norms(run: Run) -> None:
    plain = agreements(run, "rexnet_v1:2b")["ReXNet-plain", "params"]
    lite = agreements(run, "rexnet:a2")["ReX-lite (x1.3)", "params"]
    for figure, exact in ((plain, 3_418_696), (lite, 6_801_176)):
        assert (figure["agreement"], figure["agrees_by"], figure["agreed"]) == ("truncated", "keras", exact)


def test_rows_with_a_variant(run: Run) -> None:
    """Each activation of the two tables is compiled: the network of the row has it."""
    for name in ("rexnet:a3", "rexnet_v1:11"):
        assert {figure["agreement"] for figure in agreements(run, name).values()} == {"same"}
        _, table = choose(name, PAPERS)[0]
        variants = [row.variant for row in table.rows if row.variant is not None]
        assert sorted(variants) == ["with_elu", "with_leaky_relu", "with_relu6", "with_softplus"]
        networks = Networks(declared())
        for variant in variants:
            found = networks.make(table.program, variant, Changes())
            assert found is not None
            assert isinstance(found, Compiled)
            kinds = Counter(node.operation.name for node in found.network.nodes)
            # behind the expansions of all blocks but the first; relu6 stands behind every depthwise convolution too
            assert kinds[variant.removeprefix("with_")] == 15 + (16 if variant == "with_relu6" else 0)


@pytest.mark.parametrize("paper", PAPERS, ids=KEYS)
def test_every_table_prints(run: Run, paper: Paper) -> None:
    result = run("paper", paper.key)
    assert (result.code, result.err) == (0, "")
    heads = [f"{table.name} of {paper.title} ({paper.authors}, {paper.published})\n" for table in paper.tables]
    assert [line for line in result.out.splitlines(keepends=True) if line in heads] == heads
    assert "MISSING" not in result.out
    assert "DIFFERS" not in result.out


@pytest.mark.parametrize("paper", PAPERS, ids=KEYS)
def test_json(run: Run, paper: Paper) -> None:
    result = run("paper", paper.key, "--format", "json")
    assert (result.code, result.err) == (0, "")
    found = TypeAdapter(PaperReport).validate_json(result.out, strict=True)
    assert found.faults == 0
    assert [table.id for table in found.tables] == [table.id for table in paper.tables]
    for table, given in zip(found.tables, paper.tables, strict=True):
        assert table.size == len(table.rows) == len(given.rows)
        for row, printed in zip(table.rows, given.rows, strict=True):
            assert row.reported == printed.reported
            assert {f.column: f.printed for f in row.figures} == (
                dict(printed.figures) or {name: cell.printed for name, cell in printed.cells.items()}
            )


def test_schema_in_the_documentation() -> None:
    """Run with ARCHDSL_UPDATE=1 to write it anew."""
    path = ROOT / "docs" / "schema" / "paper.json"
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TypeAdapter(PaperReport).json_schema(mode="serialization"),
    }
    if os.environ.get("ARCHDSL_UPDATE"):
        path.write_text(json.dumps(found, indent=2) + "\n")
    assert json.loads(path.read_text())["properties"].keys() == found["properties"].keys()
    assert json.loads(path.read_text())["$defs"].keys() == found["$defs"].keys()


def test_the_list(run: Run) -> None:
    text = run("paper").out
    for paper, table in TABLES:
        assert f"\n{paper.key}:{table.id} " in text
    assert "regnet    " in text
    assert "Designing Network Design Spaces (Radosavovic" in text
    found = json.loads(run("paper", "--format", "json").out)
    TypeAdapter(PaperReport).validate_python(found)
    assert [(t["paper"], t["id"], t["size"]) for t in found["tables"]] == [
        (paper.key, table.id, len(table.rows)) for paper, table in TABLES
    ]
    assert not any(table["rows"] for table in found["tables"])
    rows = list(csv.DictReader(io.StringIO(run("paper", "--format", "csv").out)))
    assert [row["name"] for row in rows] == [f"{paper.key}:{table.id}" for paper, table in TABLES]
    assert run("paper", "--format", "md").out.startswith("| name ")


def test_csv_and_markdown(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("paper", "regnet:3a", "--format", "csv").out)))
    first = {row["column"]: row for row in rows if row["row"] == "ResNet-50"}
    assert (first["params"]["printed"], first["params"]["ours"], first["params"]["exact"]) == (
        *("22.6M", "25.6M"),
        "25557032",
    )
    assert first["params"]["agreement"] == "explained"
    assert (first["top-1 error"]["printed"], first["top-1 error"]["exact"]) == ("23.2±0.09", "")
    assert first["top-1 error"]["agreement"] == "reported"
    text = run("paper", "regnet:3a", "--format", "md").out
    assert text.startswith("## Table 3a of Designing Network Design Spaces")
    assert "as reported by the paper, top-1 error" in text
    assert "| 22.6M           | 25.6M        | differs [1] |" in text


# Names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("regnet:figure-15", ["Figure 15"]),
        ("regnet/15", ["Figure 15"]),
        ("regnet figure 15", ["Figure 15"]),
        ("RegNet, Fig. 15", ["Figure 15"]),
        ("regnet:3", ["Table 3a", "Table 3b"]),
        ("regnet table 3 b", []),
        ("fast_scaling:5", ["Table 5"]),
        ("fast scaling, table 5", ["Table 5"]),
        ("efficientnetv2 7", ["Table 7"]),
        ("efficientnetv2:1", ["Table 1"]),
        ("efficientnetv2:figure-1b", ["Figure 1b"]),
        ("efficientnetv2 figure 1", ["Figure 1b"]),
        ("rexnet A1", ["Table A1"]),
        ("rexnet_v1:2", ["Table 2a", "Table 2b"]),
        ("rexnet v1 2a", ["Table 2a"]),
        ("rexnet:8-food-101", ["Table 8 (Food-101)"]),
        ("rexnet:1", [f"Table 1 ({name})" for name in ("MobileNetV2", "FBNet-C", "ProxylessNas-R", "MnasNet-A1")]),
        ("rexnet_v1:5", ["Table 5a", "Table 5b", "Table 5c", "Table 5d"]),
        ("rexnet:10", []),
    ],
)
def test_forgiving_names(text: str, names: list[str]) -> None:
    if not names:
        with pytest.raises(UnknownTable):
            choose(text, PAPERS)
        return
    assert [table.name for _, table in choose(text, PAPERS)] == names
    assert len(choose("rexnet:8", PAPERS)) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["regnett:3"], "there is no paper 'regnett:3'; did you mean 'regnet'?"),
        (["resnet:3"], "did you mean 'regnet'?"),
        (["fast:5"], "did you mean 'fast_scaling'?"),
        (["nothing"], "there are efficientnetv2, fast_scaling, regnet, rexnet, rexnet_v1"),
        (["regnet:figur-15"], "did you mean 'regnet:figure-15'?"),
        (["regnet:99"], "regnet has no table '99'; there are figure-15, figure-16, 1, 2, 3a"),
        (["regnet", "table"], "regnet has no table 'table'"),
        (["regnet", "table", "15"], "regnet has no table 'table 15'"),
        ([""], "it names no table"),
        ([" ", "\t"], "it names no table"),
    ],
)
def test_unknown_names(run: Run, words: list[str], message: str) -> None:
    result = run("paper", *words)
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.split())


HOSTILE = [
    *("\x1b[31m", "a\0b", "\u202eregnet", "../../etc/passwd", "x" * 100_000, "regnet:" + "9" * 10_000, ":", "[", "(*"),
    *("regnet:\x07", "regnet:(a+)+$", "%s%n", "regnet:{0}", "\udcff", "__class__", "-", "regnet:\uff13", "regnet:-99"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(run: Run, text: str) -> None:
    for words in (["--", text], ["regnet", "--", text], ["--format", "json", "--", text]):
        result = run("paper", *words)
        assert result.code == 2 or words[0] == "regnet"
        assert len(result.err) < 1000
        assert not set(result.err) & set("\x1b\0\x07\u202e")


@pytest.mark.parametrize("words", [("--format", "xml"), ("--nonsense",), ("regnet:2", "--format")])
def test_usage(run: Run, words: tuple[str, ...]) -> None:
    assert run("paper", *words).code == 2


def test_from_any_folder(run: Run, here: Any) -> None:
    assert here
    assert run("paper", "efficientnetv2:10").code == 0


# Faults of ours


def changed(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """The data with a text replaced."""

    def read(path: str) -> str:
        return read_data(path).replace(old, new)

    monkeypatch.setattr(printed_data, "read_data", read)


@pytest.mark.parametrize(
    ("table", "old", "new", "word", "agreement"),
    [
        ("efficientnetv2:10", '"params": "66M"', '"params": "67M"', "DIFFERS", "unexplained"),
        ("efficientnetv2:10", '"model": "efficientnet_b7"', '"model": "nothing"', "MISSING", "missing"),
        ("efficientnetv2:4", '"printed": "160"', '"printed": "176"', "DIFFERS", "unexplained"),
        ("efficientnetv2:4", '"part": "stages.5"', '"part": "stages.6"', "MISSING", "missing"),
        ("efficientnetv2:4", '"model": "efficientnetv2_s"', '"model": "nothing"', "MISSING", "missing"),
        ("fast_scaling:4", '"exponent": "0.90"', '"exponent": "0.91"', "DIFFERS", "unexplained"),
        ("fast_scaling:4", '"formula": "(1 + a) / 2"', '"formula": "(1 + a) / 3"', "DIFFERS", "unexplained"),
        ("fast_scaling:4", '"scaling": "dWr({s})"', '"scaling": "nothing({s})"', "MISSING", "missing"),
        ("fast_scaling:3", '"model": "stage"', '"model": "nothing"', "MISSING", "missing"),
        ("regnet:figure-16", '"model": "regnety_32gf"', '"model": "nothing"', "MISSING", "missing"),
        ("efficientnetv2:6", '{"printed": "15"}', '{"printed": "16"}', "DIFFERS", "unexplained"),
        ("efficientnetv2:6", "efficientnetv2_l_progressive", "nothing", "MISSING", "missing"),
        (
            "rexnet_v1:9",
            '"printed": "RE/SW", "means": "inner_act relu',
            '"printed": "", "means": "x',
            "DIFFERS",
            "unexplained",
        ),
        ("rexnet_v1:8", '"part": "stages.5.4"', '"part": "stages.5.5"', "MISSING", "missing"),
        ("rexnet:1-fbnet-c", '"part": "stages.12"', '"part": "stages.12..14"', "MISSING", "missing"),
        ("rexnet:3", "model guessed_d_worst", "model nothing", "MISSING", "missing"),
    ],
)
def test_a_figure_without_a_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch, table: str, old: str, new: str, word: str, agreement: str
) -> None:
    changed(monkeypatch, old, new)
    for form in ("table", "md"):
        result = run("paper", table, "--format", form)
        assert result.code == 1
        assert word in result.out
    result = run("paper", table, "--format", "json")
    assert result.code == 1
    found = json.loads(result.out)
    table_ = found["tables"][0]
    figures = [figure for row in table_["rows"] for figure in (*row["figures"], *row["structure"])]
    untrained = sum(cost["by_area"] is None for cost in table_["training"])
    assert found["faults"] == sum(figure["agreement"] == agreement for figure in figures) + untrained > 0


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("efficientnetv2:2", '"model": "efficientnet_b6", "input": 512', '"model": "nothing", "input": 512'),
        ("efficientnetv2:9", '"recipe": "efficientnetv2_transfer_cars"', '"recipe": "nothing"'),
        ("efficientnetv2:12", '"recipe": "up_to_224"', '"recipe": "nothing"'),
        ("rexnet_v1:5a", "model replaced_1_2 =", "model nothing ="),
    ],
)
def test_what_is_ours_alone_is_missed(
    run: Run, monkeypatch: pytest.MonkeyPatch, table: str, old: str, new: str
) -> None:
    changed(monkeypatch, old, new)
    result = run("paper", table)
    assert result.code == 1
    assert "MISSING" in result.out


def test_a_network_for_a_ratio_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(monkeypatch, '"regnetz_500mf"], "factor"', '"nothing"], "factor"')
    result = run("paper", "fast_scaling:1")
    assert "nothing" not in result.out
    assert "regnety_4gf" in result.out


def test_a_claim_that_does_not_hold_proves_nothing() -> None:
    paper, table = choose("efficientnetv2:10", PAPERS)[0]
    found = Networks({name: path for name, path in declared().items() if name != "efficientnet_b7"})
    agreements = [figure.agreement for row in compare(paper, table, found).rows for figure in row.figures]
    assert agreements == ["missing", "missing", "truncated", "same"]
    assert Figure("flops", "1G", None, None, None, "missing").agreement in FAULTS


# Progress


def test_a_bar_for_what_takes_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("paper", "regnet:2").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert run("paper", "regnet:2").err == ""
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    said = run("paper", "regnet:2").err
    assert "\rregnet:2  [------------------------------]  0/10 " in said
    assert "\rregnet:2  [###############---------------]  5/10 " in said
    assert said.endswith("\r\033[K")
