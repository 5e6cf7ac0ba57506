"""`propago clean`."""

from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from propago.cli.arguments import parse
from propago.cli.formats import Formats, refuse_unknown, say_exports
from propago.cli.many import say_many
from propago.cli.progress import frame_progress
from propago.errors import UsageError
from propago.refinement.craf.settings import CrafSettings
from propago.runs.options import ManyOptions

if TYPE_CHECKING:
    from propago.jobs.clean import CleanResult

Rules = Literal["ours", "paper", "released"]

RULES = {
    "ours": CrafSettings,
    "paper": CrafSettings.paper,
    "released": CrafSettings.released,
}


@dataclass(frozen=True)
class CleanArguments:
    """Make anyone's masks of a video consistent from frame to frame.

    Regions that were not there before go, lost ones are recovered, and a log says what was done
    and why. The masks come as indexed PNGs, one a frame, in the order of their names; the first
    is taken for the truth.

    Examples:
        propago clean runs/segment/clip --out cleaned
        propago clean their_masks --rules paper
        propago clean runs/segment/videos --jobs 2
    """

    masks: tyro.conf.Positional[Path]
    """A folder of masks, a folder that `propago segment` wrote, or a folder of such folders."""
    settings: tyro.conf.OmitArgPrefixes[CrafSettings]
    many: tyro.conf.OmitArgPrefixes[ManyOptions] = field(default_factory=ManyOptions)
    rules: Rules = "ours"
    """The settings that hold where no flag says otherwise: ours, the paper's, or those of the code
    that was released with it."""
    scores: bool = False
    """The PNGs are scores, not label maps: grey, 8 or 16 bits; ID/FRAME.png if several objects."""
    out: Path | None = None
    """The output folder: masks/ and clean.jsonl. Default: runs/clean/<name of MASKS>."""
    to: Formats = ()
    """Write the results in this format, too, see `propago convert`: youtube-vis, ctc ...
    Once for each."""
    threads: int | None = None
    """Processor threads. Default: all of them."""
    overwrite: bool = False
    """Delete earlier results in the output folder."""
    resume: bool = False
    """Of a folder of folders: keep those that are done."""


def run(argv: list[str]) -> int:
    """Clean, and say what was done."""
    arguments = _parsed(argv)
    refuse_unknown(arguments.to, frames=False)
    from propago.jobs.clean import clean, holds_several
    from propago.runs.processor import at_most_threads

    if not arguments.scores and holds_several(arguments.masks):
        return _run_many(arguments)
    arguments.many.refuse_for_one()
    if arguments.resume:
        raise UsageError("--resume is for many videos: those that are done are kept")

    with frame_progress() as progress, at_most_threads(arguments.threads):
        result = clean(
            arguments.masks,
            scores=arguments.scores,
            out=arguments.out,
            settings=arguments.settings,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    print(f"masks  {result.masks} ({result.frames} frames, {_done(result)})")
    if result.scores:
        print(f"scores {result.scores}")
    print(f"log    {result.log}")
    say_exports(arguments, result.out, None)
    return 0


def _run_many(arguments: CleanArguments) -> int:
    """Clean the masks of many videos, and say what came of each; 1 where one failed."""
    from propago.jobs.clean import clean_many

    named = ("out", "settings", "threads", "overwrite", "resume")
    with frame_progress() as progress:
        many = clean_many(
            arguments.masks,
            **{name: getattr(arguments, name) for name in named},
            many=arguments.many,
            progress=progress,
        )
    return say_many(arguments, many, videos=None, remark=lambda result: f", {_done(result)}")


def _done(result: "CleanResult") -> str:
    said = ", ".join(f"{px} px {what}" for what, px in sorted(result.pixels.items()))
    return said or "nothing changed"


def _parsed(argv: list[str]) -> CleanArguments:
    """The arguments; settings that are not among them are those of the rules that are."""
    first = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--rules", nargs="?", default="ours")
    name = first.parse_known_args(argv)[0].rules
    default = CleanArguments(tyro.MISSING, RULES.get(name, CrafSettings)())
    return parse(CleanArguments, argv, "clean", default)
