"""Wheel, sdist, editable install and bare checkout: each has the whole product, and finds its data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import archdsl
from archdsl.highlighting.outputs import CODEMIRROR, TEXTMATE

ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDERS = ("grammar", "specs", "codegen")
BUILT = {"__pycache__", "node_modules", "dist", "page", "pyodide"}
"""Folders of what is made of the sources."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.timeout(300)


def python(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    """The standard output of this Python, run in a folder with nothing but `path` added to its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_below(folder: Path) -> set[str]:
    """The hand-written files of a folder of the checkout, named from the checkout's root."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        p.relative_to(ROOT).as_posix()
        for p in paths
        if not any(part in BUILT or part.endswith("_cache") for part in p.relative_to(ROOT).parts)
        and p.suffix != ".vsix"
    }


def where_archdsl_is(cwd: Path, path: Path) -> tuple[Path, Path]:
    """The package and the data root that a Python in `cwd` finds."""
    code = "import archdsl, archdsl.resources as r; print(archdsl.__file__); print(r.data_root())"
    package, data = python("-c", code, cwd=cwd, path=path).splitlines()
    return Path(package).parent, Path(data)


def cost(cwd: Path, path: Path) -> dict[str, object]:
    """The cost of RegNetY-4GF by a command run outside the checkout, on a copy of the spec."""
    spec = (ROOT / "specs" / "regnety_4gf.arch").read_text(encoding="utf-8")
    (cwd / "mine.arch").write_text(spec, encoding="utf-8")
    printed = python("-m", "archdsl", "cost", "mine.arch", "--format", "json", cwd=cwd, path=path)
    numbers: dict[str, object] = json.loads(printed)
    return numbers


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT), cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed."""
    target = tmp_path_factory.mktemp("site")
    python("-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", str(target), str(wheel), cwd=target)
    return target


def test_one_version() -> None:
    assert PROJECT["project"]["version"] == archdsl.__version__


def test_wheel_holds_the_package_and_all_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = {name for folder in DATA_FOLDERS for name in files_below(ROOT / folder)}
    for folder in DATA_FOLDERS:
        assert any(name.startswith(folder + "/") for name in data), f"{folder}/ is empty"
    metadata = f"archdsl-{archdsl.__version__}.dist-info/"
    package = {name for name in names if not name.startswith(metadata)}
    assert package == files_below(ROOT / "archdsl") | {f"archdsl/_data/{name}" for name in data}
    assert {metadata + "licenses/LICENSE", metadata + "entry_points.txt", "archdsl/py.typed"} <= names


def test_wheel_from_the_sdist_is_the_same(dist: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as direct, zipfile.ZipFile(next(dist.glob("*.whl"))) as through:
        assert sorted(direct.namelist()) == sorted(through.namelist())
        for name in direct.namelist():
            if not name.endswith("/RECORD"):
                assert direct.read(name) == through.read(name), name


def test_sdist_holds_what_is_needed_to_test_it(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    folders = [*DATA_FOLDERS, "archdsl", "editors", "web", "tests", "docs", "benchmarks"]
    expected = {name for folder in folders for name in files_below(ROOT / folder)} | {TEXTMATE, CODEMIRROR}
    assert expected <= names
    single = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt"}
    single |= {"pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names - expected == single


def test_installed_wheel_works_elsewhere(installed: Path, tmp_path: Path) -> None:
    package, data = where_archdsl_is(tmp_path, installed)
    assert package == installed / "archdsl"
    assert data == installed / "archdsl" / "_data"
    numbers = cost(tmp_path, installed)
    assert numbers == cost(tmp_path, ROOT)
    assert all(isinstance(numbers[name], int) for name in ("flops", "params", "acts", "buffers"))
    assert (installed / "bin" / "archdsl").is_file() or (installed / "Scripts" / "archdsl.exe").is_file()


def test_bare_checkout_works_elsewhere(tmp_path: Path) -> None:
    assert where_archdsl_is(tmp_path, ROOT) == (ROOT / "archdsl", ROOT)


def test_editable_install_uses_the_checkout(tmp_path: Path) -> None:
    """An editable wheel carries copies of the data; the checkout's own must be found before them."""
    code = f"import hatchling.build; print(hatchling.build.build_editable({str(tmp_path)!r}))"
    name = python("-c", code, cwd=ROOT).splitlines()[-1]
    site = tmp_path / "site"
    with zipfile.ZipFile(tmp_path / name) as archive:
        archive.extractall(site)
    code = (
        "import os, site, sys\n"
        "sys.path[:] = [p for p in sys.path if not os.path.isfile(os.path.join(p, 'archdsl', '__init__.py'))]\n"
        "site.addsitedir(sys.argv[1])\n"
        "import archdsl, archdsl.resources\n"
        "print(archdsl.__file__, archdsl.resources.data_root(), sep='\\n')"
    )
    package, data = python("-c", code, str(site), cwd=tmp_path).splitlines()
    assert (Path(package).parent, Path(data)) == (ROOT / "archdsl", ROOT)


# The README.


def readme_block(mark: str) -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^<!-- {mark} -->\n```sh\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_two_commands_and_what_ci_runs() -> None:
    assert readme_block("setup").startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "\n" not in readme_block("setup") + readme_block("test")
    assert " && .venv/bin/python -m pytest " in readme_block("test")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if not line.startswith("#")]
    assert "tests=$(readme_command test)" in commands
    assert 'bash -euo pipefail -c "$tests" || tested=$?' in commands
    assert commands[-2:] == ['wait "$checking" || { cat "$checked" && tested=1; }', 'exit "${tested:-0}"']
    assert not any("pytest" in line or "pip install" in line for line in commands)  # the README says how


def test_the_tasks_are_those_that_the_guide_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tasks = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert tasks == set(phony.split()) == set(re.findall(r"`?make ([a-z-]+)", guide))
    written = subprocess.run(["make", "-n", "setup", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (
        readme_block("test").replace(".venv/bin/pip", ".venv/bin/python -m pip").split(" && ")
        == (written.stdout.splitlines()[1:])
    )


def test_ci_reads_the_commands_that_a_reader_sees() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = script[script.index("readme_command() {") : script.index("\n}\n") + 3]
    for mark in ("setup", "test"):
        done = subprocess.run(
            ["bash", "-c", f"{function}\nreadme_command {mark}"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout == readme_block(mark) + "\n"


def test_example_of_the_readme_holds(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```arch\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert examples
    for number, example in enumerate(examples):
        (tmp_path / f"example{number}.arch").write_text(example, encoding="utf-8")
        python("-m", "archdsl", "check", f"example{number}.arch", cwd=tmp_path, path=ROOT)


def test_links_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert (ROOT / link).exists(), link
