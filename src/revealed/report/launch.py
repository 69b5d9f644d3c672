"""Where a reader can run the first look without installing: addresses from ``_config.yml``."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import quote, urlsplit

import yaml

NOTEBOOK = "notebooks/trial/your_model.ipynb"
"""The notebook of a first look."""

COLAB = "recipes/colab.ipynb"
"""The notebook that installs the checkout first, for Colab."""


def addresses(root: Path) -> dict[str, str]:
    """Name and address of every place, in the order shown; none unless the host is GitHub."""
    content = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    repository = content.get("repository") or {}
    parts = urlsplit(str(repository.get("url") or ""))
    if parts.netloc != "github.com":
        return {}
    name, branch = parts.path.strip("/"), quote(str(repository.get("branch") or "main"), safe="")
    return {
        "Codespaces": f"https://codespaces.new/{name}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{branch}?labpath={quote(NOTEBOOK, safe='')}",
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{branch}/{COLAB}",
    }


def links(root: Path) -> str:
    """The addresses as links of a page; nothing is loaded from them."""
    found = addresses(root)
    if not found:
        return "<p>The repository of this checkout is at no address that these know.</p>"
    each = " · ".join(
        f'<a href="{html.escape(address, quote=True)}">{html.escape(place)}</a>'
        for place, address in found.items()
    )
    return f"<p>{each}</p>"
