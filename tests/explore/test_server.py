"""The local server: whom it answers, what it serves, and what it writes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from explorer_asking import NET, shipped
from starlette.testclient import TestClient

from archdsl.cli import main
from archdsl.explorer.engine import Given
from archdsl.explorer.lanes import REPLACED, Lane
from archdsl.explorer.server import MAX_BODY, Served, app_of
from archdsl.explorer.site import NoSite, site_folder
from archdsl.explorer.static import write_site
from archdsl.explorer.watched import Watched
from archdsl.files import FileFault
from archdsl.project import Project

KEY = "key-of-the-test"
BASE = "http://127.0.0.1:8123"
TEXT = 'arch 1\r\n# a "file"\r\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page that is built: two files, for what is in them is the browser tests' matter."""
    folder = tmp_path / "site"
    for name, text in {
        "page/index.html": "<!doctype html>",
        "page/fonts/a.woff2": "font",
        "page/secret.key": "no type of a page",
        "pyodide/pyodide.asm.wasm": "wasm",
    }.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "page/link.js").symlink_to(tmp_path / "outside.js")
    (tmp_path / "outside.js").write_text("outside")
    return folder


@pytest.fixture
def net(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "archdsl.toml").write_text("")
    path = folder / "net.arch"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    return path


@pytest.fixture
def client(site: Path, net: Path) -> TestClient:
    served = Served(Given(str(net)), KEY, 8123, site / "page", 20, Watched(Project(str(net))))
    return TestClient(app_of(served), base_url=BASE)


def test_the_page_and_nothing_else(client: TestClient) -> None:
    found = client.get(f"/{KEY}/")
    assert (found.status_code, found.text) == (200, "<!doctype html>")
    assert client.get(f"/{KEY}/engine.json").json() == {"engine": "server"}
    assert client.get(f"/{KEY}/fonts/a.woff2").headers["content-type"] == "font/woff2"
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    for path in (
        *(
            "secret.key",
            "link.js",
            "../pyodide/pyodide.asm.wasm",
            "..%2f..%2fproject%2fnet.arch",
            "%2e%2e/site",
            "fonts",
        ),
        *("/etc/passwd", "....//net.arch", "fonts/../../../outside.js", "api/other", "index.html%00.js"),
    ):
        assert client.get(f"/{KEY}/{path}").status_code in (404, 405), path
    for path in ("/", "/api/ask", "/api/file", "/another-key/", "/another-key/api/file"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8123"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:9"},
        {"host": ""},
        {"host": "localhost:8123.evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9"},
        {"origin": "https://127.0.0.1:8123"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_requests_of_others(client: TestClient, net: Path, headers: dict[str, str]) -> None:
    before = net.read_bytes()
    assert client.get(f"/{KEY}/", headers=headers).status_code == 403
    assert client.post(f"/{KEY}/api/ask", json={"kind": "start"}, headers=headers).status_code == 403
    asked = {"text": "", "digest": client.get(f"/{KEY}/api/file").json()["digest"]}
    assert client.put(f"/{KEY}/api/file", json=asked, headers=headers).status_code == 403
    assert net.read_bytes() == before


def test_its_own_requests(client: TestClient) -> None:
    for headers in (
        {"origin": BASE, "sec-fetch-site": "same-origin"},
        {"host": "localhost:8123", "origin": "http://localhost:8123"},
        {"sec-fetch-site": "none"},
    ):
        start = client.post(f"/{KEY}/api/ask", json={"kind": "start"}, headers=headers).json()["start"]
        assert (start["path"], start["text"], start["saved"]) == ("net.arch", TEXT, True)


def test_bodies_that_are_none(client: TestClient) -> None:
    path = f"/{KEY}/api/ask"
    assert client.post(path, content=b"{").status_code == 400
    assert client.post(path, content=b"[" * 100_000).status_code == 400
    assert client.post(path, content=b"\xff").status_code == 400
    assert client.post(path, content=b" " * (MAX_BODY + 1)).status_code == 413
    assert client.get(path).status_code in (404, 405)
    for body in (b"", b"{}", b"[]", b'{"text": 1, "digest": ""}', b'{"text": ""}'):
        assert client.put(f"/{KEY}/api/file", content=body).status_code == 400


def test_the_file_is_written_when_it_is_the_one_that_was_read(client: TestClient, net: Path) -> None:
    """Its byte order mark and its line breaks stay."""
    path = f"/{KEY}/api/file"
    digest = client.get(path).json()["digest"]
    found = client.put(path, json={"text": "arch 1\n# other\n", "digest": digest})
    assert found.status_code == 200
    assert net.read_bytes() == b"\xef\xbb\xbfarch 1\r\n# other\r\n"
    assert found.json()["digest"] == client.get(path).json()["digest"] != digest
    assert client.put(path, json={"text": "arch 1\n", "digest": digest}).status_code == 409
    digest = found.json()["digest"]
    for text in ("\u202e", "\ud800", "#" * (1 << 20)):
        refused = client.put(path, content=json.dumps({"text": text, "digest": digest}))
        assert refused.status_code == 400
        assert "\n" not in refused.text
    net.write_bytes(b"\xff")
    assert client.get(path).status_code == 409
    net.unlink()
    assert client.get(path).status_code == 409
    assert client.put(path, json={"text": "arch 1\n", "digest": digest}).status_code == 409
    assert not net.exists()
    assert [each.name for each in net.parent.iterdir()] == ["archdsl.toml"]


def test_the_processes_answer(client: TestClient) -> None:
    with client:
        view = client.post(f"/{KEY}/api/ask?client=a", json={"kind": "view", **shipped(NET)}).json()["view"]
        assert view["flops"] == 3_973_301_344
        edit = client.post(f"/{KEY}/api/ask?client=a", json={"kind": "edit", "text": "arch 1\nmodel"}).json()["edit"]
        assert edit["problems"][0]["code"].startswith("E1")
        assert client.post(f"/{KEY}/api/ask", json={"kind": "eval\nask {}"}).json()["fault"]
        assert client.post(f"/{KEY}/api/ask", json=["\n\n"]).json()["fault"]


# Processes

SLOW = 'arch 1\nuse "' + NET.removeprefix("specs/") + '" { regnety_4gf }\n'


def test_the_newest_question_wins() -> None:
    """Of those that wait, older ones of the same kind are dropped; others are all answered, in their order."""

    async def asking() -> list[dict[str, Any]]:
        lane = Lane(Given(), 60)
        ask = json.dumps({"kind": "open", "name": NET})
        tasks = [lane.ask("a view", ask) for _ in range(6)] + [lane.ask("b view", ask), lane.ask("a module", ask)]
        found = await asyncio.gather(*tasks)
        await lane.close()
        return [json.loads(each) for each in found]

    found = asyncio.run(asking())
    answered = [answer != json.loads(REPLACED) for answer in found]
    assert answered == [False] * 5 + [True] * 3


def test_a_question_that_takes_too_long_ends_alone() -> None:
    """The next is answered by a new process; so is the next when one is killed by the system."""

    async def asking() -> list[dict[str, Any]]:
        lane = Lane(Given(), 0.01)
        late = await lane.ask("a", json.dumps({"kind": "shipped"}))
        lane._seconds = 60
        ask = json.dumps({"kind": "open", "name": NET})
        after = await lane.ask("a", ask)
        assert lane._process is not None
        lane._process.kill()
        killed = await lane.ask("a", ask)
        again = await lane.ask("a", ask)
        await lane.close()
        return [json.loads(each) for each in (late, after, killed, again)]

    late, after, killed, again = asyncio.run(asking())
    assert "more than 0.01 seconds" in late["fault"]
    assert after["opened"] == again["opened"] != None  # noqa: E711 - all three
    assert killed["fault"] or killed["opened"]


def test_what_a_file_uses_is_watched(net: Path) -> None:
    part = net.with_name("part.arch")
    part.write_text("arch 1\nfn size(n) = n * 2\n")

    async def asking() -> list[Any]:
        lane = Lane(Given(str(net)), 60)
        text = 'arch 1\nuse "part.arch" { size }\nmodel m { input: 3 x size(8) x 8 }\n'
        ask = json.dumps({"kind": "edit", "text": text, "path": "net.arch"})
        before = json.loads(await lane.ask("a", ask))
        nothing = await lane.changed()
        part.write_text("arch 1\nfn other(n) = n\n")
        changed = await lane.changed()
        after = json.loads(await lane.ask("a", ask))
        await lane.close()
        return [before, nothing, changed, after]

    before, nothing, changed, after = asyncio.run(asking())
    codes = [{problem["code"] for problem in found["edit"]["problems"]} for found in (before, after)]
    assert "E201" not in codes[0]
    assert "E201" in codes[1]
    assert (nothing, changed) == ([], ["part.arch"])


# The site


def test_a_site_is_written_whole_or_not_at_all(site: Path, net: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "site"
    size = write_site(folder, site, Given(str(net)))
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == ["compiler.zip", "engine.json", "fonts/a.woff2", "index.html", "pyodide/pyodide.asm.wasm"]
    assert size == sum((folder / name).stat().st_size for name in names)
    engine = json.loads((folder / "engine.json").read_text())
    assert (engine["engine"], engine["start"]["text"], engine["start"]["saved"]) == ("browser", TEXT, False)
    with pytest.raises(FileFault, match="--force replaces it"):
        write_site(folder, site, Given())
    write_site(folder, site, Given(), force=True)
    assert json.loads((folder / "engine.json").read_text())["start"]["path"] == f"archdsl:{NET}"
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(FileFault, match="other files"):
            write_site(other, site, Given(), force=force)
    with pytest.raises(FileFault, match="no folder"):
        write_site(net, site, Given(), force=True)
    (site / "pyodide/pyodide.asm.wasm").unlink()
    with pytest.raises(NoSite, match="without Pyodide"):
        write_site(tmp_path / "new", site, Given())
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["site"]
    assert not (tmp_path / "new").exists()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


# The command


def test_the_command_refuses_in_one_line(
    site: Path, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archdsl.commands.explore.site_folder", lambda: site)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    cases = [
        (["none.arch"], 1, "there is no such file"),
        (["-"], 2, "standard input"),
        (["--force"], 2, "--force is for --static"),
        (["--port", "70000"], 2, "70000"),
        (["--seconds", "0"], 2, "0"),
        ([str(net), "--static", str(taken)], 1, "other files"),
    ]
    for arguments, code, words in cases:
        assert main(["explore", *arguments]) == code, arguments
        shown = capsys.readouterr()
        assert words in shown.err
        assert "Traceback" not in shown.err
    assert main(["explore", "regnety_4gf", "--static", str(tmp_path / "good")]) == 0
    engine = json.loads((tmp_path / "good/engine.json").read_text())
    assert engine["start"]["path"] == "archdsl:specs/regnety_4gf.arch"


def test_a_page_that_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdsl.explorer.site.data_root", lambda: tmp_path)
    monkeypatch.setattr("archdsl.explorer.site.find_spec", lambda _: None)
    with pytest.raises(NoSite, match=r"pip install 'archdsl\[web\]'"):
        site_folder()
    (tmp_path / "web").mkdir()
    (tmp_path / "web/package.json").write_text("{}")
    with pytest.raises(NoSite, match="make explorer"):
        site_folder()
