"""What tests of several rooms stand on: a checkout of their own."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items):
    """The limit is against what hangs; a hundred studies on a busy machine only take long."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture
def make_checkout(tmp_path, monkeypatch):
    """From a study file's text to a folder that passes for a checkout and is the working folder.

    The instruments are the real ones. No key and no other root is in the environment.
    """

    def make(study):
        (tmp_path / "data").mkdir()
        for name in ("instruments", "published", "sources.yaml"):
            (tmp_path / "data" / name).symlink_to(ROOT / "data" / name)
        (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        for name in [*os.environ]:
            if name.endswith("_API_KEY") or name == "REVEALED_ROOT":
                monkeypatch.delenv(name)
        return tmp_path

    return make
