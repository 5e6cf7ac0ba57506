"""`propago cache`."""

from dataclasses import dataclass
from typing import Literal

import tyro

from propago.cli.arguments import parse


@dataclass(frozen=True)
class CacheArguments:
    """Where files are kept that a later run needs again, and how large they are; or delete them.

    They are weights made by --finetune, and networks that --engine onnx has exported.

    The folder is $PROPAGO_CACHE, else $XDG_CACHE_HOME/propago, else ~/.cache/propago.

    Examples:
        propago cache
        propago cache clear
    """

    action: tyro.conf.Positional[Literal["show", "clear"]] = "show"
    """show: say what is there. clear: delete it; the next run of each makes it again."""


def run(argv: list[str]) -> int:
    """Say what is kept, or what was deleted."""
    arguments = parse(CacheArguments, argv, "cache")
    from propago.finetune.cache import FineTuneCache
    from propago.nn.onnx_engine import kept_parts

    said = "deleted" if arguments.action == "clear" else "kept"
    for what, kept in (("tuned weights", FineTuneCache()), ("ONNX networks", kept_parts())):
        files, size_bytes = kept.clear() if arguments.action == "clear" else kept.contents()
        print(f"{said:<7}  {files} files, {size_bytes / 1e6:.1f} MB: {what}, in {kept.folder}")
    return 0
