"""What a release says of itself: README, Zenodo's metadata, how to cite it, the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from revealed.foundation.provenance import versions
from revealed.respondents.public import Source
from revealed.study import Run

from .compare import PIXELS, SHARE
from .crate import About
from .files import PARTS


def about(run: Run, *, version: str, date: str, commit: str) -> About:
    """Name, authors and addresses, from ``CITATION.cff`` and ``_config.yml``."""
    root = run.paths.root
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    book = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    authors = tuple(_name(author) for author in cited["authors"])
    small = " It is of the small profile of the study, to try things on and not for quoting."
    return About(
        name=f"{cited['title']} ({version})",
        description=f"The run {run.name!r} of the study, frozen: answers, derived tables, executed "
        "notebooks, the book, and the code and environment that make them again."
        + (small if run.fast else ""),
        version=version,
        date=date,
        authors=authors,
        keywords=tuple(cited.get("keywords", ())),
        repository=str((book.get("repository") or {}).get("url", "")),
        commit=commit,
        python=versions()["python"],
    )


def _name(author: Mapping[str, Any]) -> str:
    if "name" in author:
        return str(author["name"])
    return ", ".join(str(author[k]) for k in ("family-names", "given-names") if k in author)


def zenodo(about: About) -> bytes:
    """``.zenodo.json``: what Zenodo asks for with an upload."""
    made: dict[str, Any] = {
        "title": about.name,
        "upload_type": "dataset",
        "version": about.version,
        "publication_date": about.date,
        "description": f"<p>{about.description}</p><p>README.md in the archive says what each part "
        "is, whose license it has, and how to verify and rebuild it.</p>",
        "creators": [{"name": name} for name in about.authors],
        "access_right": "open",
        "license": "cc-by-4.0",
        "notes": "Code is under the MIT license (source/LICENSE); text, figures, instruments and "
        "data are under CC BY 4.0. Public data of others is not part of the archive.",
        "keywords": list(about.keywords),
        "language": "eng",
    }
    if about.repository:
        made["related_identifiers"] = [
            {
                "identifier": about.repository,
                "relation": "isDerivedFrom",
                "resource_type": "software",
            }
        ]
    return _json(made)


def citation(root: Path, about: About) -> bytes:
    """``CITATION.cff`` of the checkout, with version and date of the release."""
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    cited |= {"version": about.version, "date-released": about.date}
    return str(yaml.safe_dump(cited, sort_keys=False, allow_unicode=True)).encode()


def environment() -> bytes:
    """Every installed distribution with its version, a line each."""
    found = {
        f"{distribution.name.lower().replace('_', '-')}=={distribution.version}"
        for distribution in distributions()
    }
    return ("\n".join([f"# Python {versions()['python']}", *sorted(found)]) + "\n").encode()


def facts(made: Mapping[str, Any]) -> bytes:
    """``release.json``."""
    return _json(made)


def readme(
    about: About, release: Mapping[str, Any], files: Mapping[str, tuple[int, str]],
    sources: Sequence[Source],
) -> bytes:  # fmt: skip
    """``README.md``, for somebody who has nothing but the archive."""
    name = release["archive"]
    lines = [
        f"# {about.name}",
        "",
        about.description,
        "",
        f"Made on {about.date} from commit `{about.commit}` with Python {about.python}. `{name}` "
        "has no folder of its own inside: unpack it into one.",
        "",
        *_on_state(release),
        "## What is in it",
        "",
        "| part | files | MB | license | what |",
        "|---|---|---|---|---|",
    ]
    for part in PARTS:
        sizes = [size for f, (size, _) in files.items() if f.startswith(f"{part.folder}/")]
        licence = "MIT, CC BY 4.0" if part.folder == "source" else "CC BY 4.0"
        lines.append(
            f"| `{part.folder}/` | {len(sizes):,} | {sum(sizes) / 1e6:.1f} | {licence} | "
            f"{part.holds} |"
        )
    lines += [
        "",
        "`release.json` has the facts of this release for machines, `ro-crate-metadata.json` "
        "describes every file (RO-Crate 1.1), `SHA256SUMS` has their checksums, `environment.txt` "
        "what was installed, `.zenodo.json` and `CITATION.cff` how to publish and cite it. The "
        "environment's lock is `source/requirements.lock`.",
        "",
        "## Whose it is",
        "",
        "Code is under the MIT license (`LICENSE`), everything else of the study under CC BY 4.0 "
        "(`LICENSE-text.md`). What a model answered is published as data; a provider's "
        "terms may say more about its use. Public data of others is named at the end.",
        "",
    ]
    lines += _on_words(release)
    lines += [
        "## Verify it",
        "",
        "```",
        "sha256sum -c SHA256SUMS",
        f"revealed release verify {name}",
        "```",
        "",
        "The second also checks the metadata, and needs the program: `make install` in `source/`.",
        "",
        "## Make everything again from the answers",
        "",
        "```",
        "cd source && make install && . .venv/bin/activate",
        f"revealed release rebuild ../{name} --into /tmp/rebuilt",
        "```",
        "",
        "It puts the answers back into a ledger, runs the chain with the code of this archive and "
        "asks no model. Then it says table by table whether the bytes are the same, and figure by "
        "figure how far the pixels are apart. A figure counts as the same if at most "
        f"{SHARE:.1%} of its pixels differ by more than {PIXELS} of 255 in a channel. Clock times "
        "are not compared: "
        "they stand in the answers, as facts, and in no table. Commit and versions stand in the "
        "records and in the notebooks' metadata, and are not compared either.",
        "",
    ]
    lines += _on_sources(sources)
    return "\n".join(lines).encode()


def _on_state(release: Mapping[str, Any]) -> list[str]:
    lines = []
    if release["unfinished"]:
        lines += [
            f"**Incomplete.** {release['unfinished']} cells of the study lack answers that it "
            "plans.",
            "",
        ]
    if release["commit"].endswith("+changes"):
        lines += [
            "**Not as committed.** Files in `source/` differ from the commit that is named.",
            "",
        ]
    return lines


def _on_sources(sources: Sequence[Source]) -> list[str]:
    if not sources:
        return []
    return [
        "## Public data of others",
        "",
        "What chapters analyze of others' is not in the archive. It is fetched from "
        "these addresses when the study is rebuilt, and refused unless its checksum is right "
        "(`source/data/sources.yaml`):",
        "",
        "| file | license | SHA-256 |",
        "|---|---|---|",
        *(
            f"| [{source.file}]({source.address}) | {source.licence} | "
            f"`{(source.sha256 or 'not known')[:16]}` |"
            for source in sources
        ),
        "",
    ]


def _on_words(release: Mapping[str, Any]) -> list[str]:
    lines = []
    left_out = release["left_out"]
    if not release["texts"]:
        lines += [
            "**Without texts.** Raw answers of real models, and the words of all questions, were "
            "left out. Counts, utilities and findings are complete, but nobody can check from this "
            "archive how an answer was read: choices and answers of "
            f"{len(release['given'])} respondents are taken as they are when it is rebuilt, and "
            "what others judged about these texts cannot be made again. What chapters quote still "
            "stands in notebooks and site.",
            "",
        ]
    elif left_out["questions"]:
        lines += [
            f"The words of {left_out['questions']:,} questions were left out, because they repeat "
            "statements of public sources that state no license. The answers to them are there.",
            "",
        ]
    if left_out["files"]:
        lines += [
            f"{len(left_out['files'])} files of the run repeat such statements, or are themselves "
            "public data that may not be passed on, and were left out (`release.json` names them). "
            "A rebuild makes them again.",
            "",
        ]
    return lines


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
