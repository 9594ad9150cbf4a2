"""What every network of the zoo is at two commits, byte for byte: `python benchmarks/compare.py REV [OTHER]`.

REV's tree and OTHER's (without one, the tree that this file stands in) each answer `cost --by op --format json`, `show`
and `compile --target json` for every network that either ships, in a process of its own. A network of one side only,
an exit code, a byte of an output that differs is a line; no line and exit code 0 say that counts, paths and hashes are
the same. The only words taken out are the version of archdsl and the names of temporary folders.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def run(*words: str) -> tuple[int, str]:
    """The exit code and the output of a command, run in this process."""
    from archdsl.cli import main

    out = io.StringIO()
    before, sys.argv = sys.argv, ["archdsl", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.argv = before
    return code, out.getvalue()


def outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """What is asked and what comes, for all networks; files are written to `folder`."""
    from archdsl import __version__

    networks = json.loads(run("zoo", "--format", "json")[1])["networks"]
    for name in [network["name"] for network in networks]:
        for words in (
            ("cost", name, "--by", "op", "--format", "json"),
            ("show", name),
            ("compile", name, "--target", "json", "--name", "network", "-o", str(folder), "--force"),
        ):
            code, text = run(*words)
            if words[0] == "compile":
                text += (folder / "network.json").read_text(encoding="utf-8")
            text = text.replace(str(folder), "FOLDER").replace(__version__, "VERSION")
            yield f"{words[0]} {name}", f"exit code {code}, sha256 {hashlib.sha256(text.encode()).hexdigest()}"


def answers(root: Path) -> dict[str, str]:
    """The outputs of the archdsl that stands in a folder."""
    done = subprocess.run(
        [sys.executable, Path(__file__).resolve(), "--answer", root],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def answer(root: Path) -> None:
    sys.path.insert(0, str(root))
    import archdsl

    assert archdsl.__file__ is not None
    assert Path(archdsl.__file__).is_relative_to(root), "another archdsl is imported"
    with tempfile.TemporaryDirectory() as folder:
        found = dict(outputs(Path(folder)))
    print(json.dumps(found))


@contextlib.contextmanager
def tree(rev: str | None) -> Iterator[Path]:
    """The files of a commit, in a folder that goes with the block; without a commit, this tree."""
    if rev is None:
        yield HERE
        return
    packed = subprocess.run(["git", "archive", rev], cwd=HERE, stdout=subprocess.PIPE, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder).resolve()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rev", nargs="?", default="HEAD")
    parser.add_argument("other", nargs="?", help="without it, the tree that this file stands in")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer is not None:
        answer(options.answer)
        return 0
    with tree(options.rev) as one, tree(options.other) as two, ThreadPoolExecutor(2) as pool:
        before, after = pool.map(answers, (one, two))
    differing = [asked for asked in sorted({**before, **after}) if before.get(asked) != after.get(asked)]
    for asked in differing:
        print(f"{asked}: {before.get(asked, 'absent')} -> {after.get(asked, 'absent')}")
    print(f"{len(differing)} of {len({**before, **after})} outputs differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
