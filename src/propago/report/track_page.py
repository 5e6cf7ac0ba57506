"""A page about the tracks of a video: how many of each class, when each was there, a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from propago.report.colours import HUES, hue_of
from propago.report.page import templates

MOST_SHOWN = 500
"""So many tracks have a row of their own, those of most frames first."""


class Sighting(NamedTuple):
    """A track in a frame: how well it is seen, the frame's index, its box in pixels."""

    worth: float
    index: int
    box_xyxy: tuple[float, float, float, float]


UNSEEN = Sighting(-1.0, 0, (0.0, 0.0, 0.0, 0.0))


@dataclass
class TrackSummary:
    """What is said of one track, gathered from its lines in order of time.

    Attributes:
        id: its identity.
        class_name: its class.
        parent: the id of what it is a part of; 0: of nothing.
        spans: first and last frame, as places from 0 on, of every stretch in which it is there.
        frames: in how many it is.
        score_sum: of its scores.
        area_sum_px: of its areas.
        path_px: how far its centroid moved in all, from one sighting to the next.
        best: where its area times its score is largest.
    """

    id: int
    class_name: str
    parent: int = 0
    spans: list[list[int]] = field(default_factory=list)
    frames: int = 0
    score_sum: float = 0.0
    area_sum_px: int = 0
    path_px: float = 0.0
    best: Sighting = UNSEEN
    _at: tuple[float, float] | None = None

    def add(self, place: int, line: Mapping[str, Any]) -> None:
        """Take in a line of the frame at `place`."""
        if self.spans and self.spans[-1][1] == place - 1:
            self.spans[-1][1] = place
        else:
            self.spans.append([place, place])
        x, y = line["centroid"]
        if self._at:
            self.path_px += ((x - self._at[0]) ** 2 + (y - self._at[1]) ** 2) ** 0.5
        self._at = x, y
        self.frames += 1
        self.score_sum += line["score"]
        self.area_sum_px += line["area"]
        worth = line["area"] * line["score"]
        if worth > self.best.worth:
            x0, y0, x1, y1 = line["box"]
            self.best = Sighting(worth, line["index"], (x0, y0, x1, y1))

    @property
    def hue(self) -> str:
        """Its colour in the page."""
        return HUES[hue_of(self.id)]


def summaries(lines: Iterable[Mapping[str, Any]], frames: Sequence[str]) -> list[TrackSummary]:
    """One for each track, by ascending id.

    Args:
        lines: of instances.jsonl, in order of time.
        frames: the names of all frames, in order of time.
    """
    place_of = {name: place for place, name in enumerate(frames)}
    found: dict[int, TrackSummary] = {}
    for line in lines:
        track = found.setdefault(
            line["id"], TrackSummary(line["id"], line["class"], line["parent"])
        )
        track.add(place_of[line["name"]], line)
    return [found[i] for i in sorted(found)]


def track_page(
    name: str,
    tracks: Sequence[TrackSummary],
    frames: Sequence[str],
    facts: Mapping[str, str],
    pictures: Mapping[int, str] | None = None,
) -> str:
    """The page, which needs no other file.

    Args:
        name: of the source.
        tracks: all of them.
        frames: the names of all frames.
        facts: what else is said of the run, by what it is called.
        pictures: of tracks, by id, as text.
    """
    classes = [track.class_name for track in tracks]
    longest = sorted(tracks, key=lambda track: -track.frames)[:MOST_SHOWN]
    return (
        templates()
        .get_template("tracks.html")
        .render(
            name=name,
            tracks=sorted(longest, key=lambda track: (track.spans[0][0], track.id)),
            total=len(tracks),
            frames=frames,
            facts=facts,
            pictures=pictures or {},
            counts={one: classes.count(one) for one in sorted(set(classes))},
        )
    )
