"""RO-Crate metadata of a release: written, and checked.

The profile is RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), with ``sha256`` of schema.org added to
its context. Public data of others is named by address and checksum and is not part of the crate.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from revealed.respondents.public import Source

from .files import CC_BY, MIT, PARTS, Part

METADATA = "ro-crate-metadata.json"
SUMS = "SHA256SUMS"
"""Holds the checksum of the metadata, so the metadata cannot hold its own."""
PROFILE = "https://w3id.org/ro/crate/1.1"
_CONTEXT = [f"{PROFILE}/context", {"sha256": "https://schema.org/sha256"}]
_FORMATS = {
    ".parquet": "application/vnd.apache.parquet", ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl", ".md": "text/markdown", ".yml": "application/yaml",
    ".yaml": "application/yaml", ".cff": "application/yaml", ".npy": "application/octet-stream",
    ".npz": "application/zip", ".csv": "text/csv", ".py": "text/x-python",
    ".json": "application/json", ".js": "text/javascript", ".woff2": "font/woff2",
    ".toml": "application/toml", ".lock": "text/plain", ".svg": "image/svg+xml",
}  # fmt: skip
_CAUSES = ("answers", "source")
"""Of the parts, those that the others are made from."""
_REQUIRED = ("name", "description", "datePublished", "license")
"""What RO-Crate 1.1 requires of the root; `check` looks for these."""


@dataclass(frozen=True)
class About:
    """What metadata says of a release as a whole."""

    name: str
    description: str
    version: str
    date: str
    authors: tuple[str, ...]
    keywords: tuple[str, ...]
    repository: str
    commit: str
    python: str


def crate(
    about: About, files: Mapping[str, tuple[int, str]], sources: Sequence[Source]
) -> dict[str, Any]:
    """The metadata as JSON-LD.

    Parameters
    ----------
    about
        The release.
    files
        Size in bytes and SHA-256 of every file but the metadata's own, by its name.
    sources
        Public data that the run used.
    """
    parts = [part for part in PARTS if any(f.startswith(f"{part.folder}/") for f in files)]
    loose = [name for name in sorted({*files, SUMS}) if not name.startswith(_folders(parts))]
    people = [{"@id": f"#author-{k + 1}"} for k in range(len(about.authors))]
    root = {
        "@id": "./", "@type": "Dataset", "name": about.name, "description": about.description,
        "datePublished": about.date, "version": about.version, "license": {"@id": CC_BY},
        "author": _single(people), "publisher": people[0], "keywords": list(about.keywords),
        "hasPart": [{"@id": f"{part.folder}/"} for part in parts] + [_id(name) for name in loose],
        "isBasedOn": _single([{"@id": source.address} for source in sources]),
        "mentions": {"@id": "#run"}, "inLanguage": "en",
    }  # fmt: skip
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"},
            "conformsTo": {"@id": PROFILE},
        },
        root,
    ]  # fmt: skip
    for part in parts:
        inside = [name for name in sorted(files) if name.startswith(f"{part.folder}/")]
        graph.append(
            {
                "@id": f"{part.folder}/", "@type": "Dataset", "name": part.title,
                "description": part.holds, "license": {"@id": part.licence},
                "hasPart": _single([_id(name) for name in inside]),
            }
        )  # fmt: skip
    for name, (size, sha256) in sorted(files.items()):
        graph.append(
            {
                **_id(name), "@type": "File", "name": name.rpartition("/")[2],
                "encodingFormat": encoding(name), "contentSize": str(size), "sha256": sha256,
            }
        )  # fmt: skip
    graph.append(
        {"@id": SUMS, "@type": "File", "name": SUMS, "encodingFormat": "text/plain",
         "description": "Checksums of all other files, for sha256sum -c."}
    )  # fmt: skip
    graph += [
        {"@id": f"#author-{k + 1}", "@type": "Organization", "name": name, "url": about.repository}
        for k, name in enumerate(about.authors)
    ]
    graph += [
        {"@id": CC_BY, "@type": "CreativeWork", "name": "CC BY 4.0",
         "description": "Text, figures, instruments and data: see LICENSE-text.md."},
        {"@id": MIT, "@type": "CreativeWork", "name": "MIT License",
         "description": "Code: see LICENSE."},
        {"@id": "#software", "@type": "SoftwareApplication", "name": "revealed",
         "version": about.commit, "url": about.repository},
        {"@id": "#python", "@type": "SoftwareApplication", "name": "Python",
         "version": about.python, "url": "https://www.python.org/"},
        {"@id": "#run", "@type": "CreateAction", "name": "The run that made findings and tables",
         "instrument": [{"@id": "#software"}, {"@id": "#python"}],
         "object": _single([{"@id": f"{p.folder}/"} for p in parts if p.folder in _CAUSES]),
         "result": _single([{"@id": f"{p.folder}/"} for p in parts if p.folder not in _CAUSES])},
    ]  # fmt: skip
    graph += [
        {
            "@id": source.address, "@type": "CreativeWork", "name": source.file,
            "description": f"{source.holds}. Not part of this archive; fetched when it is rebuilt.",
            "license": source.licence, "url": source.address,
            **({"sha256": source.sha256} if source.sha256 else {}),
        }
        for source in sources
    ]  # fmt: skip
    return {"@context": _CONTEXT, "@graph": graph}


def _folders(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(f"{part.folder}/" for part in parts)


def _single(values: list[dict[str, str]]) -> Any:
    """A list of one as its element, which RO-Crate would rather have."""
    return values[0] if len(values) == 1 else values


def _id(name: str) -> dict[str, str]:
    return {"@id": quote(name)}


def encoding(name: str) -> str:
    """The media type of a file, by its ending alone, the same on every machine."""
    ending = f".{name.rpartition('.')[2]}" if "." in name.rpartition("/")[2] else ""
    known = _FORMATS.get(ending) or mimetypes.types_map.get(ending)
    return known or "application/octet-stream"


def check(text: bytes, files: Mapping[str, tuple[int, str]]) -> list[str]:
    """What is wrong with a crate's metadata; empty if nothing is.

    Checked are the rules of RO-Crate 1.1 that this archive can break: descriptor and root with what
    they require, unique ids, every reference described, and every file of the archive described,
    within reach of the root, with its size and checksum.

    Parameters
    ----------
    text
        ``ro-crate-metadata.json``.
    files
        Size and SHA-256 of every other file of the archive.
    """
    try:
        graph = json.loads(text)["@graph"]
        entities = {entity["@id"]: entity for entity in graph}
    except (ValueError, KeyError, TypeError) as error:
        return [f"{METADATA} is no JSON-LD graph ({type(error).__name__}: {error})"]
    problems = []
    if len(entities) != len(graph):
        problems.append("two entities have the same @id")
    descriptor, root = entities.get(METADATA, {}), entities.get("./", {})
    if descriptor.get("about") != {"@id": "./"}:
        problems.append(f"the entity {METADATA} is not about the root")
    if not str((descriptor.get("conformsTo") or {}).get("@id", "")).startswith(
        "https://w3id.org/ro/crate/1."
    ):
        problems.append(f"the entity {METADATA} does not conform to RO-Crate 1")
    if "Dataset" not in _listed(root.get("@type")):
        problems.append("the root is no Dataset")
    problems += [f"the root lacks {name}" for name in _REQUIRED if not root.get(name)]
    problems += [f"{i} lacks a type" for i, entity in entities.items() if not entity.get("@type")]
    problems += _dangling(entities)
    within = _reachable(entities)
    described = {unquote(i): i for i, e in entities.items() if "File" in _listed(e.get("@type"))}
    for name, (size, sha256) in sorted(files.items()):
        if (where := described.get(name)) is None:
            problems.append(f"{name} is not described")
        elif where not in within:
            problems.append(f"{name} is no part of the root")
        elif entities[where].get("sha256") != sha256:
            problems.append(f"{name} is described with another checksum")
        elif entities[where].get("contentSize") != str(size):
            problems.append(f"{name} is described with another size")
    problems += [
        f"{name} is described and not there" for name in described if name not in {*files, SUMS}
    ]
    return problems


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _references(entity: Mapping[str, Any], names: Sequence[str] | None = None) -> list[str]:
    return [
        item["@id"]
        for name, value in entity.items()
        if names is None or name in names
        for item in _listed(value)
        if isinstance(item, dict) and "@id" in item
    ]


def _dangling(entities: Mapping[str, Any]) -> list[str]:
    return [
        f"{i} refers to {other}, which is not described"
        for i, entity in entities.items()
        for other in _references(entity)
        if other not in entities and not other.startswith("https://w3id.org/ro/crate/")
    ]


def _reachable(entities: Mapping[str, Any]) -> set[str]:
    """What belongs to the root by ``hasPart``, directly or through a folder."""
    found: set[str] = set()
    left = ["./"]
    while left:
        current = left.pop()
        if current not in found and current in entities:
            found.add(current)
            left += _references(entities[current], ("hasPart",))
    return found
