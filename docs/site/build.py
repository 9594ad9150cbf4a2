"""The site of the documentation: `make site`, or `python docs/site/build.py OUT`.

It is made of the pages of `docs/` as they stand, of the README and of the files that they link to, and of what the
package itself knows: the help of the commands, the codes of diagnostics, the public functions, and the zoo, each
network with its picture. Zensical builds it, in strict mode: a link that leads nowhere ends the build.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import gallery
import pages
import reference

from archdsl.explorer.engine import Given
from archdsl.explorer.site import NoSite, site_folder
from archdsl.explorer.static import write_site

ROOT = Path(__file__).resolve().parent.parent.parent
PLAYGROUND = """# Playground

[Open the playground](playground/index.html): the page of `archdsl explore`, with the whole compiler in the browser. It
asks nothing of any server but these files; the first start takes some seconds. It must come from a web server: from a
folder no browser starts a worker.
"""
GUIDES = (
    *("playground", "tutorial", "from-other-tools", "import", "packages", "training", "notebook", "inference"),
    *("export", "checks", "editors", "explore"),
)
POPULATIONS = ("spaces", "search", "studies", "populations", "bench")
REFERENCE = ("language", "editor")
FEATURES = (
    "content.code.copy",
    "navigation.indexes",
    "navigation.sections",
    "navigation.top",
    "search.highlight",
    "toc.follow",
)
EXTENSIONS = {
    "attr_list": {},
    "md_in_html": {},
    "tables": {},
    "toc": {"permalink": True},
    "pymdownx.highlight": {"pygments_lang_class": True},
    "pymdownx.superfences": {},
}
SCHEMES = (
    ("(prefers-color-scheme: light)", "default", "lucide/sun", "dark"),
    ("(prefers-color-scheme: dark)", "slate", "lucide/moon", "light"),
)


def build(out: Path) -> None:
    """Write the site into a folder that is new, empty, or of an earlier site.

    Its playground is the page of `archdsl explore`, where that is built (`make explorer`).
    """
    source = out / "source"
    if out.exists() and any(out.iterdir()):
        if not (out / "zensical.toml").is_file():
            raise SystemExit(f"{out} holds something else than a site that was built here")
        shutil.rmtree(out)
    source.mkdir(parents=True)
    written = pages.write(ROOT, source)
    families = gallery.write(source)
    commands = reference.write(source)
    try:
        write_site(source / "playground", site_folder(), Given())
    except NoSite as fault:
        print(f"no playground: {fault}")
    else:
        (source / "playground.md").write_text(PLAYGROUND, encoding="utf-8")
        written.add("playground.md")
    (out / "zensical.toml").write_text(_config(written, families, commands), encoding="utf-8")
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([str(zensical), "build", "--strict", "--config-file", "zensical.toml"], cwd=out, check=True)


def _config(written: set[str], families: list[str], commands: list[str]) -> str:
    """The configuration, as TOML, whose inline values JSON's texts and lists are."""

    def named(names: tuple[str, ...]) -> list[str]:
        return [f"{name}.md" for name in names if f"{name}.md" in written]

    decisions = sorted([name for name in written if name.startswith("decisions/0")])
    nav: list[object] = [
        {"archdsl": "index.md"},
        {"Guides": named(GUIDES)},
        {"Design spaces and studies": [*named(POPULATIONS), *sorted([n for n in written if n.startswith("studies/")])]},
        {"Zoo": ["zoo/index.md", *[f"zoo/{family}.md" for family in families]]},
        {
            "Reference": [
                *named(REFERENCE),
                {"Command line": [f"cli/{name}.md" for name in commands]},
                "codes.md",
                "api.md",
            ]
        },
        {
            "Development": [
                "architecture.md",
                "CONTRIBUTING.md",
                "CHANGELOG.md",
                {"Decisions": ["decisions/README.md", *decisions]},
            ]
        },
    ]
    lines = [
        "[project]",
        'site_name = "archdsl"',
        'site_description = "A small text language for vision networks, and its compiler"',
        'docs_dir = "source"',
        'site_dir = "site"',
        "use_directory_urls = false",  # so that the site can be read from a folder, without a server
        f"nav = {_toml(nav)}",
        "[project.theme]",
        "font = false",  # no letters from another host
        f"features = {json.dumps(FEATURES)}",
    ]
    for media, scheme, icon, other in SCHEMES:
        lines += ["[[project.theme.palette]]", f"media = {json.dumps(media)}", f'scheme = "{scheme}"']
        lines += [f'toggle.icon = "{icon}"', f'toggle.name = "Switch to {other} mode"']
    lines += ["[project.markdown_extensions]"]
    lines += [f"{name} = {_toml(options)}" for name, options in EXTENSIONS.items() if "." not in name]
    lines += [
        f"pymdownx.{name.partition('.')[2]} = {_toml(options)}" for name, options in EXTENSIONS.items() if "." in name
    ]
    lines += ["[project.plugins.mkdocstrings.handlers.python]", f"paths = {json.dumps([str(ROOT)])}"]
    options = {
        "filters": ["!^_"],
        "heading_level": 2,
        "members_order": "source",
        "separate_signature": True,
        "show_root_heading": True,
        "show_signature_annotations": True,
        "show_source": False,
    }
    lines += [f"options = {_toml(options)}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join([f"{json.dumps(name)} = {_toml(each)}" for name, each in value.items()]) + " }"
    if isinstance(value, list):
        return "[" + ", ".join([_toml(each) for each in value]) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
