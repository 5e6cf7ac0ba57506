"""`propago doctor`: what is wrong with a mask or a folder of masks, and how to mend it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.io.atomic import write_text

if TYPE_CHECKING:
    from propago.diagnosis.checks import Finding
    from propago.jobs.doctor import Diagnosis


@dataclass(frozen=True)
class DoctorArguments:
    """Say what is wrong with a mask or a folder of masks; exit code 1 if anything is.

    Examples:
        propago doctor first.png --fix
        propago doctor masks
        propago doctor masks --fix --out mended
    """

    folder: tyro.conf.Positional[Path]
    """Masks of one video, folders of such masks, a DAVIS root, or a single mask."""
    fix: bool = False
    """Write a copy in which every mask is an indexed PNG with the DAVIS palette."""
    out: Path | None = None
    """Where the copy goes; new or empty. Default: beside FOLDER, named FOLDER-fixed (.png)."""
    in_place: bool = False
    """With --fix: change the files in FOLDER itself."""
    renumber: bool = False
    """With --fix: give the objects of each video ids 1, 2, ... without gaps."""
    each: bool = False
    """A line for every file, not one for every kind of finding."""
    json: Path | None = None
    """Write everything to this file."""


def run(argv: list[str]) -> int:
    """Examine, mend, print; 1 if something is wrong that was not mended."""
    arguments = parse(DoctorArguments, argv, "doctor")
    from propago.jobs.doctor import doctor

    with frame_progress() as progress:
        diagnosis = doctor(
            arguments.folder,
            fix=arguments.fix,
            out=arguments.out,
            in_place=arguments.in_place,
            renumber=arguments.renumber,
            progress=progress,
        )
    if arguments.json:
        write_text(arguments.json, json.dumps(diagnosis.to_json(), indent=1))
    _print(diagnosis, arguments.each)
    if arguments.json:
        print(f"json     {arguments.json}")
    return 1 if diagnosis.unresolved else 0


def _print(diagnosis: "Diagnosis", each: bool) -> None:
    for group in _grouped(diagnosis.findings, each):
        first = group[0]
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        mark = "wrong" if first.rule.wrong else "note "
        print(f"{mark}  {first.kind}: {_shown(first.file, diagnosis.folder)}{more}")
        print(f"       found  {first.what}")
        print(f"       legal  {first.rule.legal}")
        print(f"       to do  {first.rule.fix}")
    wrong = len({f.file for f in diagnosis.findings if f.rule.wrong})
    places = "1 file or folder" if wrong == 1 else f"{wrong} files or folders"
    verdict = f"something is wrong with {places}" if wrong else "nothing is wrong"
    print(f"{diagnosis.masks} masks: {verdict}")
    if diagnosis.out:
        ambiguous = sum(repair.ambiguous_px for repair in diagnosis.repairs)
        print(
            f"{len(diagnosis.repairs)} masks mended into {diagnosis.out}; {ambiguous} pixels were "
            f"ambiguous, {len(diagnosis.unresolved)} findings are left"
        )


def _grouped(findings: "Iterable[Finding]", each: bool) -> "list[list[Finding]]":
    """Findings of one kind together, what is wrong first."""
    groups: dict[tuple, list[Finding]] = {}
    for n, finding in enumerate(findings):
        groups.setdefault((not finding.rule.wrong, n if each else finding.kind), []).append(finding)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _shown(path: Path, folder: Path) -> str:
    inside = path != folder and path.is_relative_to(folder)
    return str(path.relative_to(folder) if inside else path)
