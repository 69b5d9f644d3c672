"""The pages of public names: every room has one, and every docstring on them builds."""

from __future__ import annotations

import ast
import html
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from revealed.foundation.paths import project_root
from revealed.report import api

ROOT = project_root(Path(__file__).parent)


def tidy():  # type: ignore[no-untyped-def]
    path = ROOT / "book" / "_extensions" / "docstrings.py"
    spec = importlib.util.spec_from_file_location("docstrings", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_room_has_a_page_in_the_contents() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "revealed").glob("*/__init__.py")}
    assert set(api.ROOMS) == rooms - {"cli"}
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for room in api.ROOMS:
        assert f"- file: book/api/{room}\n" in contents
        text = (ROOT / "book" / "api" / f"{room}.md").read_text(encoding="utf-8")
        assert f"../generated/api-{room}.md" in text


@pytest.mark.parametrize("room", api.ROOMS)
def test_no_module_of_a_room_is_left_out(room: str) -> None:
    text = api.page(room)
    module = importlib.import_module(f"revealed.{room}")
    if hasattr(module, "__all__"):
        assert f"automodule:: revealed.{room}\n" in text
        return
    assert module.__file__ is not None
    for path in Path(module.__file__).parent.iterdir():
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists()):
            assert f"revealed.{room}.{path.stem}\n" in text


@pytest.mark.parametrize("room", api.ROOMS)
def test_a_listed_name_is_there_and_has_a_docstring(room: str) -> None:
    module = importlib.import_module(f"revealed.{room}")
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        if callable(value):
            assert (value.__doc__ or "").strip(), name


def test_code_is_code_and_everything_else_is_without_markup() -> None:
    line = "Give `name_` or ``a*b``, but *args, x_ and |r| are words; `two words` too."
    assert tidy().plain(line) == (
        r"Give ``name_`` or ``a*b``, but \*args, x\_ and \|r\| are words; ``two words`` too."
    )


def test_a_closing_paragraph_is_no_parameter() -> None:
    text = "Do it.\n\nParameters\n----------\nname\n    A name.\n\nMore is told here.\nAnd here."
    made = tidy().noted(text.split("\n"))
    assert made[-4:] == ["Notes", "-----", "More is told here.", "And here."]
    assert tidy().noted(made) == made


def test_a_sentence_on_what_is_returned_is_no_list_of_types() -> None:
    head = ["Do it.", "", "Returns", "-------"]
    told = ["A row a pair: one, other. n counts", "pairs."]
    closing = ["", "Raises", "------", "DataError", "    If not."]
    assert tidy().returned([*head, *told, *closing]) == (
        [*head, "RETURNED", *closing], "A row a pair: one, other. n counts pairs.",
    )  # fmt: skip
    for other in ([*head, "DataFrame", "    A row a pair."], ["Returns nothing."], []):
        assert tidy().returned(other) == (other, "")


@pytest.mark.slow
def test_every_docstring_builds_without_a_warning(tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    names = ("nitpick", "auto", "add_module", "napoleon")
    config = {k: v for k, v in settings["config"].items() if k.startswith(names)}
    config["extensions"] = ["myst_parser", "docstrings", *settings["extra_extensions"]]
    config["exclude_patterns"] = ["generated"]
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_extensions')!r})\n"
        + "".join(f"{key} = {value!r}\n" for key, value in config.items()),
        encoding="utf-8",
    )
    (tmp_path / "api").mkdir()
    for room in api.ROOMS:
        text = (ROOT / "book" / "api" / f"{room}.md").read_text(encoding="utf-8")
        (tmp_path / "api" / f"{room}.md").write_text(text, encoding="utf-8")
    (tmp_path / "index.md").write_text("# All\n\n```{toctree}\n:glob:\napi/*\n```\n", "utf-8")
    api.generate(tmp_path / "generated")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, str(tmp_path), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shown = (tmp_path / "out" / "api" / "measures.html").read_text(encoding="utf-8")
    words = " ".join(html.unescape(re.sub(r"<[^>]*>", "", shown)).split())
    assert "Estimates of COMPONENTS; and moved, framing and wording together: what a new" in words
    assert "RETURNED" not in words
    shown = (tmp_path / "out" / "api" / "utilities.html").read_text(encoding="utf-8")
    tree = ast.parse((ROOT / "src" / "revealed" / "utilities" / "__init__.py").read_text("utf-8"))
    (listed,) = [ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign)]
    for name in listed:
        assert f'id="revealed.utilities.{name}"' in shown
