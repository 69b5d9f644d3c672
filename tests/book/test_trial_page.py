"""The page of a first look: marked as one, and made of a trial alone."""

from __future__ import annotations

import pytest
import yaml

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.report import trial
from revealed.study import open_run

ROOT = project_root()


def test_the_page_says_what_it_is_and_keeps_the_books_settings() -> None:
    whole = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    marked = yaml.safe_load(trial._configuration(ROOT))
    options = marked["sphinx"]["config"]["html_theme_options"]
    assert options.pop("announcement") == trial.MARK
    assert "Nothing here is for quoting" in trial.MARK
    assert marked == whole


def test_another_run_has_no_such_page() -> None:
    with pytest.raises(ConfigError, match="is no trial"):
        trial.trial_page(open_run("no-such-run"), "simulated/coherent")
