"""Files of object storage and other places with an address, by fsspec: fetched, and put back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propago.errors import OutputError, SourceError, UsageError
from propago.io.atomic import make_folder

Stamps = Mapping[str, tuple[int, int]]
"""By its path in a folder, when a file was changed (ns) and its size in bytes."""

_LAST = ("run.json", "journal")

_WITH_BUCKETS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Schemes whose places begin with a bucket, in which there are no folders to be made."""


def is_address(text: str) -> bool:
    """Whether it is SCHEME://PLACE."""
    scheme, mark, place = text.partition("://")
    return bool(mark and place) and scheme[:1].isalpha() and scheme.replace("+", "").isalnum()


def is_there(address: str) -> bool:
    """Whether there is a file or folder at an address.

    Raises:
        UsageError: as `fetch`.
        SourceError: the place cannot be asked.
    """
    system, path = _opened(address)
    try:
        return system.exists(path)
    except Exception as error:
        raise SourceError(f"{address} cannot be read: {_said(error)}") from error


def require_bucket(address: str) -> None:
    """Refuse to write where the bucket is missing: a wrong name would be a new one.

    Raises:
        UsageError: as `fetch`.
        OutputError: there is no such bucket.
    """
    system, path = _opened(address)
    if not _has_buckets(address):
        return
    bucket = path.partition("/")[0]
    try:
        there = system.exists(bucket)
    except Exception:  # who may write in a bucket need not be allowed to ask about it
        return
    if not there:
        raise OutputError(
            f"{address} cannot be written: there is no bucket {bucket}; make it first"
        )


def fetch(address: str, to: Path) -> None:
    """Copy a file or folder to the path `to`.

    Raises:
        UsageError: fsspec has no such scheme, or lacks the package for it.
        SourceError: there is nothing, or it cannot be read.
    """
    if not is_there(address):
        raise SourceError(f"there is nothing at {address}: no such file or folder")
    system, path = _opened(address)
    try:
        if not system.isdir(path):
            make_folder(to.parent)
            system.get_file(path, str(to))
            return
        make_folder(to)
        for inner in _found(system, path):
            make_folder((to / inner).parent)
            system.get_file(f"{path}/{inner}", str(to / inner))
    except OSError as error:
        raise SourceError(f"{address} cannot be read: {_said(error)}") from error


def put_back(folder: Path, address: str, before: Stamps) -> None:
    """Make an address what a folder (or file) is now: the records come last.

    Args:
        folder: local; nothing is done where it is not there.
        address: what lies there and was never in `folder` stays.
        before: `stamps` of the folder as it came from there: what is the same is not sent, what is
            gone is deleted.

    Raises:
        OutputError: that is not possible.
    """
    system, path = _opened(address)
    now = stamps(folder)
    changed = sorted((n for n in now if before.get(n) != now[n]), key=_is_record)
    folders = not _has_buckets(address)
    early = [name for name in changed if not _is_record(name)]
    try:
        for name in early:
            _put(system, folder / name, f"{path}/{name}".removesuffix("/"), folders=folders)
        for name in sorted(before.keys() - now.keys()):
            system.rm_file(f"{path}/{name}")
        for name in changed[len(early) :]:
            _put(system, folder / name, f"{path}/{name}", folders=folders)
    except Exception as error:
        raise OutputError(f"{address} cannot be written: {_said(error)}") from error


def stamps(folder: Path) -> Stamps:
    """When the files in a folder were changed, and how large they are; of a file under ""."""
    files = [folder] if folder.is_file() else [p for p in folder.rglob("*") if p.is_file()]
    return {
        "" if p == folder else p.relative_to(folder).as_posix(): (
            p.stat().st_mtime_ns,
            p.stat().st_size,
        )
        for p in files
    }


def _is_record(name: str) -> bool:
    return Path(name).name.startswith(_LAST)


def _has_buckets(address: str) -> bool:
    return address.partition("://")[0] in _WITH_BUCKETS


def _put(system: Any, file: Path, path: str, *, folders: bool) -> None:
    if folders:
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
    system.put_file(str(file), path)


def _found(system: Any, path: str) -> list[str]:
    """The files below a folder, by their paths in it."""
    return [one.removeprefix(path).lstrip("/") for one in system.find(path)]


def _opened(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UsageError(
            f"{address} needs fsspec, which is not installed: pip install 'propago[cluster]'"
        ) from error
    try:
        system, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{address} cannot be opened: {error}; s3:// needs the package s3fs, gs:// gcsfs, "
            "others their own"
        ) from error
    return system, path.rstrip("/")


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
