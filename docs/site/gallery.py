"""The gallery of the zoo: a page for each family, with the picture, the counts and the text of each network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from archdsl.analysis.program import Definition
from archdsl.backends.svg import emit
from archdsl.compiler import Changes, Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.emission import about_of
from archdsl.graph.conventions import DEFAULT
from archdsl.project import Project
from archdsl.resources import read_data
from archdsl.views.tables import size
from archdsl.views.zoo import ZooEntry, zoo_entry
from archdsl.zoo import families, opened


def write(out: Path) -> list[str]:
    """Write the pages below `out/zoo`; the families, in their order."""
    folder = out / "zoo"
    (folder / "pictures").mkdir(parents=True)
    by_family: dict[str, list[ZooEntry]] = {}
    for family, paths in families().items():
        found = [_network(family, path, made, folder) for path in paths for made in _compiled(path)]
        if found:
            by_family[family] = sorted(found, key=lambda each: (each.flops, each.name))
    for family, found in by_family.items():
        (folder / f"{family}.md").write_text(_family(family, found), encoding="utf-8")
    (folder / "index.md").write_text(_index(by_family), encoding="utf-8")
    return list(by_family)


def _compiled(path: str) -> Iterator[Compiled]:
    """The networks of a shipped file. Raises RuntimeError for one that does not compile, which is a fault of ours."""
    project = Project(opened(path))
    compiler = Compiler(project)
    program = compiler.program(project.source(), Diagnostics())
    for name, named in program.models.items():
        if isinstance(named, Definition) and named.is_family:
            continue
        diagnostics = Diagnostics()
        made = compiler.elaborate(program, name, Changes(), diagnostics)
        if not isinstance(made, Compiled) or diagnostics.failed:
            raise RuntimeError(f"{path}: {name} does not compile: {[each.message for each in diagnostics]}")
        yield made


def _network(family: str, path: str, made: Compiled, folder: Path) -> ZooEntry:
    """A network of the gallery, whose picture is written."""
    (picture,) = emit(made.network, about_of(made, made.name, path, ())).values()
    (folder / "pictures" / f"{made.name}.svg").write_text(picture, encoding="utf-8")
    return zoo_entry(family, path, made)


def _index(by_family: dict[str, list[ZooEntry]]) -> str:
    total = sum(map(len, by_family.values()))
    lines = [
        "# Zoo",
        "",
        f"{total} networks of {len(by_family)} families. The compiler checks what is published of them.",
        f"Flops are {DEFAULT.unit}.",
        "",
    ]
    for family, found in by_family.items():
        lines += [f"## [{family}]({family}.md)", "", *_table(found, f"{family}.md"), ""]
    return "\n".join(lines)


def _family(family: str, found: list[ZooEntry]) -> str:
    lines = [f"# {family}", "", *_table(found, ""), ""]
    for entry in found:
        words = f"{escape(entry.doc)}\n\n" if entry.doc else ""
        cited = f" after {escape(entry.source)}," if entry.source else ""
        claims = "1 published figure" if entry.claims == 1 else f"{entry.claims} published figures"
        lines += [
            f"## {entry.name}",
            "",
            f"{words}`archdsl compile {entry.name}`:{cited} {claims} checked.",
            "",
            f"![The stages of {entry.name} and their costs](pictures/{entry.name}.svg){{ loading=lazy }}",
            "",
        ]
    for path in dict.fromkeys([entry.path.rpartition(":")[0] for entry in found]):
        lines += [f"## `{path}`", "", "```arch", read_data(path).rstrip("\n"), "```", ""]
    return "\n".join(lines)


def _table(found: list[ZooEntry], page: str) -> list[str]:
    lines = ["| network | input | flops | params | acts |", "| --- | --- | ---: | ---: | ---: |"]
    for e in found:
        counts = " | ".join([f"{number:,}" for number in (e.flops, e.params, e.acts)])
        lines.append(f"| [{e.name}]({page}#{e.name}) | {size(e.input)} | {counts} |")
    return lines
