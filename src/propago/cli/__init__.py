"""The command line: a table of verbs, each a small module that is imported when it is asked for.

Nothing heavy is imported here, so that `propago --help` is there at once. This package alone
prints and sets exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import is_dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from propago import __version__
from propago.errors import PropagoError, PropagoWarning

VERBS = {
    "segment": ("propago.cli.segment", "masks of some frames -> masks of every frame"),
    "track": ("propago.cli.track", "detections of anyone -> instances with identities"),
    "refine": ("propago.cli.refine", "masks of anyone -> masks along the edges of the picture"),
    "clean": ("propago.cli.clean", "masks of anyone -> masks consistent from frame to frame"),
    "studio": ("propago.cli.studio", "first masks, corrections and review, in the browser"),
    "frame": ("propago.cli.frame", "a still of one frame, to draw a first mask on"),
    "mask": ("propago.cli.mask", "a first mask made from boxes and clicks, and a picture of it"),
    "eval": ("propago.cli.eval", "J&F, HOTA, AP, mIoU of results against ground truth"),
    "convert": ("propago.cli.convert", "masks of videos from one format into another"),
    "doctor": ("propago.cli.doctor", "what is wrong with a folder of masks, and mend it"),
    "cache": (
        "propago.cli.cache",
        "weights of --finetune, networks of --engine: show, delete them",
    ),
    "train": ("propago.cli.train", "train a network from a recipe"),
    "export": ("propago.cli.export", "a trained network as ONNX files"),
    "reproduce": ("propago.cli.reproduce", "a paper's table, its values beside ours"),
    "demo": ("propago.cli.demo", "segment the clip in the package, score it"),
    "models": ("propago.cli.models", "the methods and weights there are, with licences"),
}

INTERRUPTED = 130

_SHORT_WAIT = "1000"
"""How often libgomp's threads look for work before they sleep. By itself it lets them spin for
milliseconds, and where cores are shared the thread that they wait for does not get one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that the arguments name; the exit code."""
    verb, *rest = arguments if arguments is not None else sys.argv[1:] or ["--help"]
    if verb in ("-h", "--help"):
        print(_help())
        return 0
    if verb == "--version":
        print(f"propago {__version__}")
        return 0
    if verb == "--completion":
        print(f"complete -o default -W '{' '.join(VERBS)}' propago")
        return 0
    if verb not in VERBS:
        return _unknown(verb)
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ) and _is_crowded():
        os.environ["GOMP_SPINCOUNT"] = _SHORT_WAIT
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what it logs, errors say
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anyone
    module = import_module(VERBS[verb][0])
    with warnings.catch_warnings():
        warnings.showwarning = partial(_note, module)
        return _carried_out(module, verb, rest)


def _is_crowded(loads: Path = Path("/proc/loadavg")) -> bool:
    """Other programs have used at least most of a core for a minute, and one does so now."""
    if not loads.is_file():
        return False
    last_minute, _, _, running, _ = loads.read_text().split()
    return float(last_minute) > 0.7 and int(running.split("/")[0]) > 1


def _carried_out(verb: ModuleType, name: str, arguments: Sequence[str]) -> int:
    """Run a verb; its errors become a message and an exit code."""
    try:
        if not any("://" in word for word in arguments):
            return verb.run(arguments)
        from propago.cli.remote import at_hand

        with at_hand(name, arguments) as local:
            return verb.run(local)
    except PropagoError as error:
        return _failed(_in_flags(str(error), verb), error.exit_code)
    except KeyboardInterrupt as error:
        return _failed(_in_flags(str(error), verb) or "interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _failed(f"unexpected {type(error).__name__}: {error}", 1, unexpected=True)


def _in_flags(message: str, verb: ModuleType) -> str:
    """A message in the words of a verb, whose module has the dataclass of its arguments."""
    from propago.cli.arguments import with_flags

    for kind in vars(verb).values():
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == verb.__name__:
            message = with_flags(message, kind)
    return message


def _note(verb: ModuleType, message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Say a warning of ours as it is; another's with the place it comes from."""
    if issubclass(category, PropagoWarning):
        print(f"note: {_in_flags(str(message), verb)}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, *place[:2]), end="", file=sys.stderr)


def _failed(message: str, code: int, *, unexpected: bool = False) -> int:
    """Say what happened on stderr, with a traceback where PROPAGO_DEBUG asks for it."""
    if os.environ.get("PROPAGO_DEBUG"):
        import traceback

        traceback.print_exc()
    elif unexpected:
        message += "; set PROPAGO_DEBUG=1 for the traceback"
    print(f"propago: {message}", file=sys.stderr)
    return code


def _help() -> str:
    width = max(map(len, VERBS))
    lines = "\n".join(f"  {verb:<{width}}  {summary}" for verb, (_, summary) in VERBS.items())
    return f"""usage: propago VERB ...

One annotated frame in, every frame out.

{lines}

Begin with: propago demo. Then one of these; propago VERB --help explains a verb.
  propago segment clip.mp4 --box 1=120,80,340,260
  propago segment clip.mp4 --masks first.png --out results

Exit codes: 0 done, 1 failed, 2 a wrong argument, 130 interrupted.
Completion of verbs in bash and zsh: eval "$(propago --completion)\""""


def _unknown(verb: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VERBS)}"
    return _failed(f"{verb!r} is no verb of propago; {hint}", 2)
