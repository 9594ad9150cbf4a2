"""Tables come back as they were written, whole or not at all, and others read numbers in them."""

from __future__ import annotations

import csv
import importlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import listed, space_of_draws, whole

from archdsl.spaces.intervals import Share
from archdsl.spaces.laws import Draw, Grid, Law
from archdsl.spaces.population import codings, kinds_of, setting_of
from archdsl.spaces.tables import FORMS, Cell, Kinds, TableFault, read, read_row, writing

KINDS: Kinds = {"n": "int", "x": "number", "on": "bool", "word": "text"}
ROWS: list[dict[str, Cell]] = [
    {"n": 1, "x": 0.1, "on": True, "word": 'a "quoted", 1/3'},
    {"n": -(2**62), "x": 2.0, "on": False, "word": "two\nlines"},
    {"n": None, "x": 1e300, "on": None, "word": "schön"},
]
SPACE = space_of_draws(
    Draw("w_m", Law(Grid(Fraction(3, 2), Fraction(1, 1000), 1501), "log")),
    Draw("depth", whole(1, 16), 3),
    Draw("width", whole(8, 1024, 8), 4, tied=True),
    Draw("flops", listed(1, Fraction(1, 3), Fraction(1, 7))),
    Draw("block", listed("conv", 1, None, Fraction(1, 3), True)),
    Draw("se", listed(True, False)),
)


def columns(rows: list[dict[str, Cell]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("form", FORMS)
def test_read_back_equal(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"table.{form}"
    with writing(path, KINDS, force=False) as table:
        table.write(columns(ROWS[:2]))
        table.write(columns(ROWS[2:]))
    found = read(path)
    assert [found.row(n) for n in range(len(found))] == ROWS
    assert [read_row(path, n) for n in range(3)] == ROWS
    with pytest.raises(TableFault, match="there is no row 3: the table has rows 0 to 2"):
        read_row(path, 3)


@pytest.mark.parametrize("form", FORMS)
def test_whole_or_not_at_all(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"table.{form}"

    def fail() -> None:
        with writing(path, KINDS, force=True) as table:
            table.write(columns(ROWS))
            raise RuntimeError("the machine stops")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with writing(path, KINDS, force=False) as table:
        table.write(columns(ROWS))
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == before
    with pytest.raises(TableFault, match="exists already"), writing(path, KINDS, force=False):
        pass


@pytest.mark.parametrize("form", FORMS)
def test_no_rows(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"table.{form}"
    with writing(path, KINDS, force=False):
        pass
    assert len(read(path)) == 0
    with pytest.raises(TableFault, match="there is no row 0: the table has no row"):
        read_row(path, 0)


def test_others_read_numbers(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    paths = {form: tmp_path / f"table.{form}" for form in FORMS}
    for path in paths.values():
        with writing(path, KINDS, force=False, words={"seed": 1}) as table:
            table.write(columns(ROWS[:2]))
    frames = {
        "parquet": pandas.read_parquet(paths["parquet"]),
        "jsonl": pandas.read_json(paths["jsonl"], lines=True),
        "csv": pandas.read_csv(paths["csv"]),
    }
    for frame in frames.values():
        assert [str(kind) for kind in frame.dtypes][:3] == ["int64", "float64", "bool"]
        assert frame["n"].tolist() == [1, -(2**62)]
        assert frame["word"].tolist() == [row["word"] for row in ROWS[:2]]


def test_several_groups_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with writing(path, {"n": "int"}, force=False) as table:
        for start in range(0, 150_000, 50_000):
            table.write({"n": list(range(start, start + 50_000))})
    assert [read_row(path, n)["n"] for n in (0, 99_999, 100_000, 149_999)] == [0, 99_999, 100_000, 149_999]
    assert read(path).columns["n"] == list(range(150_000))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a table has one of the suffixes .parquet, .jsonl, .csv"),
        ("a.parquet", b"PAR1 and no more", "no Parquet file"),
        ("a.jsonl", b'{"n": 1}\n[1]\n', "line 2 is no row of a table"),
        ("a.jsonl", b'{"n": 1}\n{"n"', "line 2 is no JSON"),
        ("a.jsonl", b'{"n": [1]}\n', "line 1 is no row of a table"),
        ("a.jsonl", b"\xff\n", "line 1 is not UTF-8"),
        ("a.jsonl", b"1" * (2 << 20), "line 1 has more than 1,048,576 bytes"),
        ("a.jsonl", b'{"n": 1, "m": 2, "n": 3}\n', "there are two columns `n`"),
        ("a.csv", b"a,b\n1\n", "line 2 has 1 cells, and there are 2 columns"),
        ("a.csv", b"a,b,a\n1,2,3\n", "there are two columns `a`"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableFault, match=message):
        read(path)
    with pytest.raises(TableFault):
        read_row(path, 5)


def test_tables_of_other_programs(tmp_path: Path) -> None:
    """A mark at the beginning is no part of a name; of two columns with one name none is lost silently."""
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbferror,n\n0.5,1\n")
    assert read(tmp_path / "a.csv").row(0) == {"error": 0.5, "n": 1}
    arrow = pytest.importorskip("pyarrow")
    found = arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["n", "n"])
    importlib.import_module("pyarrow.parquet").write_table(found, tmp_path / "a.parquet")
    for reader in (lambda: read(tmp_path / "a.parquet"), lambda: read_row(tmp_path / "a.parquet", 0)):
        with pytest.raises(TableFault, match="there are two columns `n`"):
            reader()


def test_a_parquet_file_with_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with writing(path, {"n": "int"}, force=False) as table:
        table.write({"n": list(range(10_000))})
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], content[:4] + b"\xff" * 2000 + content[2004:]):
        path.write_bytes(broken)
        for reading in (lambda: read(path), lambda: read_row(path, 5)):
            with pytest.raises(TableFault, match="no Parquet file, or a part of one"):
                reading()


def test_numbers_too_large_for_parquet(tmp_path: Path) -> None:
    with pytest.raises(TableFault, match="larger than the 64 bits"), writing(tmp_path / "a.parquet", KINDS, False) as t:
        t.write(columns([{"n": 2**63, "x": 1.0, "on": True, "word": ""}]))


# Values of a space


def test_values_come_back_exactly(tmp_path: Path) -> None:
    """Every value of every domain, through every form of file."""
    coded = codings(SPACE)
    kinds = [each.kind for each in coded]
    assert kinds == ["number", "int", "int", "int", "int", "number", "text", "bool"]
    names = [each.column for each in coded]
    assert names == ["w_m", "depth.0", "depth.1", "depth.2", "width", "draw.flops", "block", "se"]
    settings = [tuple([(7 * n + d) % size for d, size in enumerate(SPACE.sizes)]) for n in range(1501)]
    rows = {each.column: [each.cell(s[d]) for s in settings] for d, each in enumerate(coded)}
    for form in FORMS:
        path = tmp_path / f"table.{form}"
        with writing(path, {each.column: each.kind for each in coded}, force=False) as table:
            table.write(rows)
        found = read(path)
        assert [setting_of(coded, found.row(n)) for n in range(len(found))] == settings
    text = (tmp_path / "table.csv").read_text().splitlines()
    assert next(csv.reader(text[2:]))[:2] == ["1.507", "9"]
    assert json.loads((tmp_path / "table.jsonl").read_text().splitlines()[0])["block"] == "1"


def test_columns_of_a_population() -> None:
    found = kinds_of(codings(space_of_draws(Draw("depth", whole(1, 2)))), hashed=True)
    assert list(found) == ["index", "depth", "flops", "params", "acts", "hash", "seed", "space", "space_hash"]


@given(st.fractions(min_value=-10, max_value=10, max_denominator=10**6), st.integers(1, 10**9), st.data())
def test_any_grid(first: Fraction, below: int, data: st.DataObject) -> None:
    """Also where doubles do not tell the values apart: these are texts then."""
    scale = data.draw(st.sampled_from([Fraction(1), Fraction(1, 10**12), Fraction(10**17)]))
    space = space_of_draws(Draw("x", Law(Grid(first, scale / below, 1000))))
    [coded] = codings(space)
    for index in (0, 1, 500, 999):
        assert coded.index(coded.cell(index)) == index
    assert len({coded.cell(index) for index in range(1000)}) == 1000


def test_values_that_a_domain_has_not() -> None:
    coded = codings(SPACE)
    row: dict[str, Cell] = {each.column: each.cell(0) for each in coded}
    assert setting_of(coded, row) == (0,) * 8
    for name, cell in [
        ("w_m", 1.5004),
        ("depth.1", 17),
        ("depth.1", True),
        ("se", 1),
        ("block", "1/4"),
        ("width", None),
    ]:
        assert setting_of(coded, {**row, name: cell}) == f"{cell!r} is no value of `{name}`"
    del row["se"]
    assert setting_of(coded, row) == "the row has no column `se`"


# Intervals


def test_the_interval_of_wilson() -> None:
    """Figures of Newcombe 1998, table I, method 3."""
    known = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)]
    for count, of, low, high in known:
        found = Share(count, of)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert (Share(20, 20).high, Share(0, 0).low, Share(0, 0).high, Share(0, 0).share) == (1, 0, 1, None)
