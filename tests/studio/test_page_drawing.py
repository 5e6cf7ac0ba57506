"""The page in a real browser: drawing, by mouse, keys and fingers, small frames and large ones."""

import numpy as np
from PIL import Image

from studio_browser import needs_browser
from studio_client import SIZE

pytestmark = needs_browser


def test_undo_redo_eraser_polygon_and_fill(serve, visit, truth, tmp_path):
    address = serve(tmp_path)
    person = visit(address)
    person.press("p")
    for corner in ((10, 10), (30, 10), (30, 30), (10, 30)):
        person.page.mouse.click(*person.at(*corner))
    person.press("Enter")
    square = np.zeros(SIZE, np.uint8)
    square[10:30, 10:30] = 1
    person.until_kept(0, lambda labels: abs(int((labels != square).sum())) < 45)
    drawn = person.kept(0)

    person.press("e")
    person.drag((8, 20), (32, 20))
    person.until_kept(0, lambda labels: labels[20, 20] == 0)
    person.press("Control+z")
    person.until_kept(0, lambda labels: (labels == drawn).all())
    person.press("Control+Shift+z")
    person.until_kept(0, lambda labels: labels[20, 20] == 0)
    person.press("f")
    person.page.mouse.click(*person.at(20, 20))
    person.until_kept(0, lambda labels: labels[20, 20] == 1)
    person.press("Control+z", "Control+z", "Control+z")
    person.until_kept(0, lambda labels: not labels.any())
    assert not (tmp_path / "out" / "annotations" / "00000.png").exists()


def test_a_phone_sized_window_and_fingers(serve, visit, truth, tmp_path):
    address = serve(tmp_path)
    person = visit(address, width=390, height=844)
    wide = person.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    person.press("c")
    rows, columns = np.nonzero(truth[0] == 1)
    person.page.touchscreen.tap(*person.at(columns.mean(), rows.mean()))
    person.until_kept(0, lambda labels: (labels == 1).any())


def test_a_4k_frame_is_drawn_on_at_its_own_pixels(serve, visit, tmp_path):
    (tmp_path / "frames").mkdir()
    Image.new("RGB", (3840, 2160), (90, 120, 60)).save(tmp_path / "frames" / "00000.jpg")
    drawn = tmp_path / "out" / "annotations" / "00000.png"
    person = visit(serve(tmp_path), size=(2160, 3840), width=700, height=500)
    person.press("b")
    person.drag((1000, 1000), (1100, 1000))
    person.until(drawn.exists)
    with Image.open(drawn) as mask:
        assert mask.size == (3840, 2160)
        assert mask.getpixel((1050, 1000)) == 1


def test_the_list_is_worked_with_by_the_mouse(serve, visit, truth, tmp_path):
    address = serve(tmp_path)
    person = visit(address)
    rows, told = person.page.locator("#objects li"), lambda: person.project()["objects"]
    person.press("n")
    person.until(lambda: len(told()) == 2)
    for row, name in ((0, "ball"), (1, "van")):
        rows.nth(row).get_by_title("Name").click(click_count=3)
        person.page.keyboard.type(name)
        person.press("Enter")
        person.until(lambda row=row, name=name: told()[str(row + 1)]["name"] == name)
    person.press("ArrowRight", "ArrowRight")
    person.until_shown(2)
    rows.nth(0).get_by_text("Ends").click()
    person.until(lambda: told()["1"]["ended"] == 2)
    person.until(rows.nth(0).get_by_text("Ends 2").is_visible)
    rows.nth(1).get_by_text("x", exact=True).click()
    person.until(lambda: list(told()) == ["1"])
    person.press("Control+z")
    person.until(lambda: list(told()) == ["1", "2"])


def test_the_keys_are_told(serve, visit, truth, tmp_path):
    address = serve(tmp_path)
    person = visit(address)
    person.press("?")
    assert "next frame worth a look" in person.page.inner_text("#keys")


SLOW_ANSWERS = """() => {
    const { fetch } = window;
    window.fetch = async (path, asked) => {
        const answer = await fetch(path, asked);
        if (path.includes("prompts")) await new Promise((done) => setTimeout(done, 1500));
        return answer;
    };
}"""


def test_what_is_drawn_while_a_box_is_answered_stays_and_so_does_the_answer(
    serve, visit, truth, tmp_path
):
    person = visit(serve(tmp_path))
    person.page.evaluate(SLOW_ANSWERS)
    rows, columns = np.nonzero(truth[0] == 1)
    person.press("x")
    person.drag((columns.min() - 3, rows.min() - 3), (columns.max() + 4, rows.max() + 4))
    person.press("b")
    person.drag((4, 44), (14, 44), (24, 44))
    person.press("ArrowRight")
    person.until_kept(0, lambda labels: labels[44, 4] == labels[44, 20] == 1)
    found = person.kept(0) == 1
    found[38:] = False
    assert (found & (truth[0] == 1)).sum() > 0.7 * (truth[0][:38] == 1).sum()
