"""The page in a real browser: views beside the truth, and tracks."""

import json

import numpy as np
import pytest

from propago.io.masks import write_mask
from propago.metrics.davis import region_similarity
from studio_browser import needs_browser
from studio_client import SIZE, track_frames_of

pytestmark = needs_browser


def test_views_beside_the_truth_and_j_of_the_frame(serve, visit, truth, tmp_path):
    for folder, labels in (
        ("out/annotations", np.where(truth[0] == 2, 0, truth[0])),
        ("gt", truth[0]),
    ):
        (tmp_path / folder).mkdir(parents=True)
        write_mask(tmp_path / folder / "00000.png", labels)
    address = serve(tmp_path, gt=tmp_path / "gt")
    person = visit(address)
    shown = lambda: person.page.inner_text("#quality")  # noqa: E731
    assert shown() == "J 0.500: object 1 1.000, 2 0.000"
    person.press("n", "b")
    person.drag((40, 40), (55, 40))
    person.until_kept(0, lambda labels: (labels == 2).any())
    each = region_similarity(truth[0], person.kept(0), (1, 2))
    assert shown().startswith(f"J {each.mean():.3f}: object 1 {each[0]:.3f}")
    for name in ("Masks", "Picture", "Side by side", "Difference", "Overlay"):
        person.press("v")
        assert person.page.inner_text("#view") == name
        person.page.wait_for_timeout(50)
        assert ("blue: missed" in shown()) is (name == "Difference")
    person.press("v", "v", "v", "c")
    canvas = person.page.locator("#canvas").bounding_box()
    middle = canvas["y"] + canvas["height"] / 2
    person.press("b", "1")
    before = person.kept(0)
    person.page.mouse.click(canvas["x"] + canvas["width"] * 0.75, middle)
    person.until_kept(0, lambda labels: not (labels == before).all())
    changed = np.argwhere(person.kept(0) != before)
    np.testing.assert_allclose(changed.mean(0), (SIZE[0] / 2, SIZE[1] / 2), atol=2)


@pytest.mark.usefixtures("truth")
def test_a_click_hits_where_the_canvas_is_before_it_is_drawn(serve, visit, tmp_path):
    """A line of words wraps, the canvas shrinks, and the pointer is faster than the next frame."""
    person = visit(serve(tmp_path))
    person.press("b")
    person.page.mouse.move(*person.at(10, 10))
    person.page.evaluate("""() => {
        document.querySelector("footer").style.paddingTop = "160px";
        const canvas = document.getElementById("canvas"), box = canvas.getBoundingClientRect();
        const middle = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
        for (const kind of ["pointerdown", "pointerup"])
            canvas.dispatchEvent(
                new PointerEvent(kind, { ...middle, pointerId: 1, bubbles: true }));
    }""")
    person.until_kept(0, lambda labels: labels.any())
    where = np.argwhere(person.kept(0)).mean(0)
    np.testing.assert_allclose(where, (SIZE[0] / 2, SIZE[1] / 2), atol=2)


def test_tracks_are_named_joined_and_saved(serve, visit, tmp_path):
    labels = track_frames_of(tmp_path)
    address = serve(tmp_path, masks=tmp_path / "tracked")
    person = visit(address)
    classes = person.page.locator("#objects .kind")
    assert [one.input_value() for one in classes.all()] == ["object", "object"]
    assert not person.page.is_visible("#run")
    person.page.fill("#objects li:nth-child(1) input[type=text]", "Anna")
    person.page.keyboard.press("Enter")
    rows, columns = np.nonzero(labels[0] == 2)
    person.page.keyboard.down("Control")
    person.page.mouse.click(*person.at(np.median(columns), np.median(rows)))
    person.page.keyboard.up("Control")
    assert person.page.locator("#objects li.selected").get_attribute("data-id") == "2"
    person.page.select_option("#identity", label="the same as Anna")
    person.until_kept(3, lambda shown: (shown == (labels[3] > 0)).all())
    assert person.page.locator("#objects li").count() == 1
    person.press("Control+z", "Control+z")
    person.until(lambda: person.page.locator("#objects li").count() == 2)
    name = person.page.locator("#objects li:nth-child(1) input[type=text]:not(.kind)")
    person.until(lambda: name.input_value() == "object 1")
    person.press("Control+Shift+z", "Control+Shift+z")
    person.until(lambda: person.page.locator("#objects li").count() == 1)
    person.page.fill("#objects .kind", "cat")
    person.page.keyboard.press("Enter")
    person.page.locator("#canvas").focus()
    person.press("Control+s")
    person.status("Saved")
    (track,) = json.loads((tmp_path / "out" / "tracks.json").read_text())
    assert (track["id"], track["name"], track["category_id"]) == (1, "Anna", 2)
