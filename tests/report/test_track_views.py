"""What is shown of tracks: the page, and the overlay with captions and trails."""

import base64

import cv2
import numpy as np
import torch

from propago.report.overlay import draw_overlay
from propago.report.thumbnails import SIDE_PX, thumbnails
from propago.report.track_overlay import TRAIL_FRAMES, ShownInstance, TrackDrawing, colour_of
from propago.report.track_page import MOST_SHOWN, summaries, track_page
from propago.types import Frame

FRAMES = [f"{t:05d}" for t in range(6)]


def line(name, track_id, at, class_name="cat", score=0.5, area=10):
    return {
        "name": name,
        "index": int(name),
        "box": [at[0], at[1], at[0] + 8, at[1] + 4],
        "id": track_id,
        "class": class_name,
        "score": score,
        "area": area,
        "centroid": at,
        "parent": 0,
    }


def test_a_track_is_summed_up():
    lines = [line("00001", 7, (0, 0)), line("00002", 7, (3, 4), area=20, score=1.0)]
    lines += [line("00002", 8, (1, 1), "dog"), line("00005", 7, (3, 14))]
    cat, dog = summaries(lines, FRAMES)
    assert (cat.id, cat.class_name, cat.spans) == (7, "cat", [[1, 2], [5, 5]])
    assert (cat.frames, cat.path_px, cat.area_sum_px, cat.score_sum) == (3, 15, 40, 2)
    assert (dog.spans, dog.path_px) == ([[2, 2]], 0)


def test_the_page_says_what_there_is():
    lines = [line("00001", 7, (0, 0)), line("00001", 8, (1, 1), "<dog>")]
    page = track_page("clip", summaries(lines, FRAMES), FRAMES, {"instances": "by hand"})
    assert "2 tracks in 6 frames" in page
    assert "left: 16.667%; width: 16.667%" in page
    assert "&lt;dog&gt;" in page
    assert "<dog>" not in page
    assert "by hand" in page
    assert "0 tracks" in track_page("clip", [], FRAMES, {})


def test_a_track_is_pictured_where_it_is_seen_best():
    """Red all over at its best, in the middle of a square with a margin; one pass over frames."""
    lines = [
        line("00001", 7, (0, 0)),
        line("00003", 7, (20, 10), area=20),
        line("00004", 7, (0, 0)),
    ]
    lines += [line("00002", 8, (4, 4))]
    asked = []

    def frames_from(first):
        asked.append(first)
        for index in range(first, 9):
            image = torch.zeros(3, 24, 40)
            if index == 3:
                image[0, 10:14, 20:28] = 1
            yield Frame(image, index, str(index))
            assert index <= 3

    tracks = summaries(lines, FRAMES)
    pictures = thumbnails(tracks, frames_from)
    assert asked == [2]
    assert pictures.keys() == {7, 8}
    data = base64.b64decode(pictures[7].partition(",")[2])
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (SIDE_PX, SIDE_PX, 3)
    red = shown[..., 2] > 128
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert abs(len(columns) - SIDE_PX / 1.3) < 4
    assert abs(len(rows) - SIDE_PX / 2.6) < 4
    assert abs(rows.mean() - SIDE_PX / 2) < 2
    page = track_page("clip", tracks, FRAMES, {}, pictures)
    assert page.count("data:image/jpeg") == 2
    assert thumbnails([], frames_from) == {}


def test_of_very_many_tracks_the_longest_have_rows():
    lines = [line("00001", n, (0, 0)) for n in range(1, MOST_SHOWN + 3)]
    lines.append(line("00002", MOST_SHOWN + 2, (0, 0)))
    page = track_page("clip", summaries(lines, FRAMES), FRAMES, {})
    assert page.count('class="lane"') == MOST_SHOWN
    assert f'<span class="name">{MOST_SHOWN + 2}</span>' in page
    assert f"has all {MOST_SHOWN + 2}" in page


def test_the_overlay_has_captions_and_the_way_an_instance_came():
    rgb, labels = np.zeros((60, 200, 3), np.uint8), np.zeros((60, 200), np.uint8)
    drawing = TrackDrawing()
    for x in (20, 60, 100):
        shown = [ShownInstance(3, "3 cat", (x, 40, x + 10, 50), (x + 5, 44.5))]
        drawn = drawing.draw(rgb, labels, shown)
    red, green, blue = drawn[44, 60].tolist()
    assert colour_of(3) == (200, 200, 0)
    assert (red > 100, green, blue) == (True, red, 0)
    assert drawn[25:40, 100:150].max() > 150
    assert not drawn[25:40, :60].any()
    for _ in range(TRAIL_FRAMES):
        drawn = drawing.draw(rgb, labels, [])
    assert np.array_equal(drawn, draw_overlay(rgb, labels))


def test_a_caption_stays_in_the_picture():
    rgb, labels = np.zeros((60, 100, 3), np.uint8), np.zeros((60, 100), np.uint8)
    corner = ShownInstance(1, "1 person", (98, 0, 100, 4), (99, 2))
    drawn = TrackDrawing().draw(rgb, labels, [corner])
    assert (drawn > 150).all(2).sum() > 20
