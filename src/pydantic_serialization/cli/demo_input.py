"""Real data that every machine has: the metadata of the Python distributions that are installed on it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from pydantic_serialization.cli._requirements import extra_of, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import PackageMetadata


class FileHash(BaseModel):
    """What the installer noted of a file's content (PEP 376)."""

    algorithm: str
    digest: str


class InstalledFile(BaseModel):
    """One file of a distribution."""

    path: str
    size: int | None = Field(default=None, ge=0)
    hash: FileHash | None = None


class Requirement(BaseModel):
    """One thing that a distribution needs (PEP 508)."""

    name: str
    extras: list[str] = []
    specifier: str | None = None
    url: str | None = None
    marker: str | None = None
    for_extra: str | None = None


class Author(BaseModel):
    """Who wrote a distribution."""

    name: str | None = None
    email: str | None = None


class Release(BaseModel):
    """One installed distribution: its core metadata and its files."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    version: str
    metadata_version: str | None = None
    summary: str | None = None
    author: Author | None = None
    licence: str | None = None
    requires_python: str | None = None
    classifiers: list[str] = []
    keywords: list[str] = []
    urls: dict[str, str] = {}
    requires: list[Requirement] = []
    provided_extras: list[str] = []
    installed_at: datetime | None = None
    installer: str | None = None
    kind: Literal["wheel", "editable or other"] = "wheel"
    files: list[InstalledFile] = []
    total_size: int = 0


def installed_releases() -> Iterator[Release]:
    """Yield the metadata of every distribution that this Python can import, in the order of the path, none twice."""
    seen: set[str] = set()
    for distribution in distributions():
        metadata = distribution.metadata
        name = _one(metadata, "Name")
        if name is None or name.lower() in seen:
            continue
        seen.add(name.lower())
        yield _release(name, distribution, metadata)


def _release(name: str, distribution: Distribution, metadata: PackageMetadata) -> Release:
    files = [_file(item) for item in distribution.files or ()]
    return Release(
        name=name,
        version=distribution.version or "0",
        metadata_version=_one(metadata, "Metadata-Version"),
        summary=_one(metadata, "Summary"),
        author=_author(metadata),
        licence=_one(metadata, "License-Expression") or _first_line(_one(metadata, "License")),
        requires_python=_one(metadata, "Requires-Python"),
        classifiers=metadata.get_all("Classifier") or [],
        keywords=_keywords(_one(metadata, "Keywords")),
        urls=_urls(metadata),
        requires=[item for text in distribution.requires or () if (item := _requirement(text)) is not None],
        provided_extras=metadata.get_all("Provides-Extra") or [],
        installed_at=_installed_at(distribution),
        installer=_first_line(distribution.read_text("INSTALLER")),
        kind="wheel" if distribution.read_text("WHEEL") else "editable or other",
        files=files,
        total_size=sum(item.size or 0 for item in files),
    )


def _file(item: object) -> InstalledFile:
    noted = getattr(item, "hash", None)
    return InstalledFile(
        path=str(item),
        size=getattr(item, "size", None),
        hash=None if noted is None else FileHash(algorithm=noted.mode, digest=noted.value),
    )


def _one(metadata: PackageMetadata, key: str) -> str | None:
    values = metadata.get_all(key)
    return str(values[0]) if values else None


def _first_line(text: str | None) -> str | None:
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else None


def _author(metadata: PackageMetadata) -> Author | None:
    name, email = _one(metadata, "Author"), _one(metadata, "Author-email")
    return None if name is None and email is None else Author(name=name, email=email)


def _keywords(text: str | None) -> list[str]:
    if not text:
        return []
    separator = "," if "," in text else None
    return [word.strip() for word in text.split(separator) if word.strip()]


def _urls(metadata: PackageMetadata) -> dict[str, str]:
    urls: dict[str, str] = {}
    for text in metadata.get_all("Project-URL") or ():
        label, _, url = str(text).partition(",")
        urls[label.strip()] = url.strip()
    home = _one(metadata, "Home-page")
    return {"Home-page": home, **urls} if home else urls


def _requirement(text: str) -> Requirement | None:
    parts = parse_requirement(text)
    if parts is None:
        return None
    return Requirement(
        name=parts.name,
        extras=list(parts.extras),
        specifier=parts.specifier or None,
        url=parts.url or None,
        marker=parts.marker or None,
        for_extra=extra_of(parts.marker),
    )


def _installed_at(distribution: Distribution) -> datetime | None:
    """Return when the metadata was written, which is when the distribution was installed."""
    try:
        path = Path(str(distribution.locate_file("")))
        noted = next((item for item in distribution.files or () if item.name in {"METADATA", "PKG-INFO"}), None)
        stamp = (path / str(noted)).stat().st_mtime if noted is not None else None
    except OSError:
        return None
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
