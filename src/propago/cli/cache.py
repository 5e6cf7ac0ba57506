"""`propago cache`."""

from dataclasses import dataclass
from typing import Literal

import tyro

from propago.cli.arguments import parse


@dataclass(frozen=True)
class CacheArguments:
    """Where the weights made by --finetune are kept and how large they are; or delete them.

    The folder is $PROPAGO_CACHE, else $XDG_CACHE_HOME/propago, else ~/.cache/propago.

    Examples:
        propago cache
        propago cache clear
    """

    action: tyro.conf.Positional[Literal["show", "clear"]] = "show"
    """show: say what is there. clear: delete it; the next run of each video tunes again."""


def run(argv: list[str]) -> int:
    """Say what is kept, or what was deleted."""
    arguments = parse(CacheArguments, argv, "cache")
    from propago.finetune.cache import FineTuneCache

    cache = FineTuneCache()
    files, size_bytes = cache.clear() if arguments.action == "clear" else cache.contents()
    said = "deleted" if arguments.action == "clear" else "kept"
    print(f"{said:<7}  {files} files, {size_bytes / 1e6:.1f} MB")
    print(f"folder   {cache.folder}")
    return 0
