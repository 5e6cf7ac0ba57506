"""The page in a real browser: masks are carried, corrected, gone on with, exported."""

import json

import numpy as np
import pytest

from propago.io.masks import write_mask
from studio_browser import needs_browser
from studio_client import FRAMES, write_frames

pytestmark = needs_browser


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_draw_carry_correct_go_on_and_export(serve, visit, truth, tmp_path):
    address = serve(tmp_path)
    person = visit(address)
    rows, columns = np.nonzero(truth[0] == 1)
    person.press("x")
    person.drag((columns.min() - 3, rows.min() - 3), (columns.max() + 4, rows.max() + 4))
    person.until_kept(0, lambda labels: (labels == 1).any())
    found = person.kept(0) == 1
    assert (found & (truth[0] == 1)).sum() / (found | (truth[0] == 1)).sum() > 0.8

    person.press("n", "b")
    person.drag((40, 40), (55, 40))
    person.until_kept(0, lambda labels: (labels == 2).any())
    assert person.kept(0)[40, 48] == 2

    person.press("g")
    person.status("Done")
    before = person.kept(FRAMES - 1)
    assert (before == 1).any()

    person.press("Home", *["ArrowRight"] * 5, "1")
    person.until_shown(5)
    person.drag((10, 5), (50, 5))
    person.until_kept(5, lambda labels: labels[5, 30] == 1)
    person.press("g")
    person.status("Done")
    person.until_kept(FRAMES - 1, lambda labels: not (labels == before).all())

    with person.page.expect_download() as download:
        person.page.get_by_text("YouTube-VIS").click()
    assert json.loads(download.value.path().read_text())["annotations"]


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_a_correction_at_frame_20_leaves_the_frames_before_it(serve, visit, tmp_path):
    truth = write_frames(tmp_path / "frames", 22)
    (tmp_path / "out" / "annotations").mkdir(parents=True)
    write_mask(tmp_path / "out" / "annotations" / "00000.png", truth[0])
    address = serve(tmp_path)
    person = visit(address)
    person.press("g")
    person.status("Done")
    before = [person.kept(t) for t in range(22)]
    person.press("Home", "Shift+ArrowRight", "Shift+ArrowRight", "1", "b")
    person.until_shown(20)
    person.drag((10, 5), (50, 5))
    person.until_kept(20, lambda labels: labels[5, 30] == 1)
    person.press("g")
    person.status("Done")
    person.until_kept(21, lambda labels: not (labels == before[21]).all())
    for t in range(20):
        np.testing.assert_array_equal(person.kept(t), before[t])


def test_who_is_who_is_said_in_the_list(serve, visit, truth, tmp_path):
    drawn = tmp_path / "out" / "annotations"
    drawn.mkdir(parents=True)
    write_mask(drawn / "00000.png", truth[0])
    address = serve(tmp_path)
    person = visit(address)
    person.press("g")
    person.status("Done")
    person.press("Home", *["ArrowRight"] * 3, "2")
    person.until_shown(3)
    found = person.kept(3)
    person.page.select_option("#identity", label="swapped with object 1 from this frame on")
    swapped = np.array([0, 2, 1], np.uint8)[found]
    person.until_kept(3, lambda labels: (labels == swapped).all())
    person.page.select_option("#identity", label="the same as object 1")
    person.until_kept(3, lambda labels: (labels == (found > 0)).all())
    person.page.wait_for_function("document.querySelectorAll('#objects li').length === 1")


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_a_page_that_opens_later_knows_that_the_run_went_both_ways(serve, visit, truth, tmp_path):
    drawn = tmp_path / "out" / "annotations"
    drawn.mkdir(parents=True)
    write_mask(drawn / "00003.png", truth[3])
    person = visit(serve(tmp_path))
    person.page.check("#both")
    person.press("g")
    person.status("Done")
    later = visit(serve(tmp_path))
    assert later.page.is_checked("#both")
    write_mask(drawn / "00006.png", truth[6])
    again = visit(serve(tmp_path))
    again.press("g")
    again.status("Done")


def test_buttons_and_sliders_that_are_reached_by_keys_are_worked_by_keys(
    serve, visit, truth, tmp_path
):
    person = visit(serve(tmp_path))
    for _ in range(60):
        if person.page.evaluate("document.activeElement.id") == "both":
            break
        person.press("Tab")
    person.press(" ")
    assert person.page.is_checked("#both")
    assert person.page.inner_text("#play") == "Play"
    person.page.locator("#next").focus()  # the pointer was not used
    person.press("Enter")
    person.until_shown(1)
    person.page.locator("#opacity").focus()
    person.press("ArrowRight")
    assert person.page.input_value("#opacity") == "56"
    person.page.click("#view")
    person.press("ArrowRight")
    person.until_shown(2)
