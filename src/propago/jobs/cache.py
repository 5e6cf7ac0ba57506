"""`propago cache`: the weights that methods adapted to videos, kept for a second run."""

from dataclasses import dataclass
from pathlib import Path

from propago.finetune.cache import FineTuneCache


@dataclass(frozen=True)
class CacheContents:
    """What lies in the cache, or lay in it.

    Attributes:
        folder: where.
        files: how many, unfinished fine-tunings among them.
        size_bytes: of them together.
    """

    folder: Path
    files: int
    size_bytes: int


def cache_contents(folder: str | Path | None = None) -> CacheContents:
    """What is kept in `folder`; in $PROPAGO_CACHE or the user's cache folder if None."""
    cache = FineTuneCache(Path(folder) if folder else None)
    return CacheContents(cache.folder, *cache.contents())


def clear_cache(folder: str | Path | None = None) -> CacheContents:
    """Delete what is kept; the next run of each video tunes again.

    Returns:
        What was deleted.

    Raises:
        OutputError: something cannot be deleted.
    """
    cache = FineTuneCache(Path(folder) if folder else None)
    return CacheContents(cache.folder, *cache.clear())
