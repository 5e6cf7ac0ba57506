"""The page in a real browser: several tabs, a reload, a lost connection, a broken source."""

import threading

from studio_browser import needs_browser, served
from studio_client import slow_follower

pytestmark = needs_browser


def test_two_tabs_a_reload_in_mid_run_a_pause_and_a_lost_connection(visit, truth, tmp_path):
    reached, go_on = threading.Event(), threading.Event()
    follow = slow_follower(tmp_path, 4, reached, go_on)
    with served(tmp_path, follow=follow) as address:
        person, other = visit(address), visit(address)
        person.press("b")
        person.drag((20, 20), (30, 20))
        other.until_kept(0, lambda labels: labels[20, 25] == 1)
        person.press("g")
        assert reached.wait(20)
        other.page.reload()
        other.until(lambda: "of 8 frames" in other.page.inner_text("#status"))
        other.page.click("#cancel")
        go_on.set()
        person.status("Paused")
        assert person.page.inner_text("#run") == "Go on (G)"
        person.press("g")
        person.status("Done")
        other.status("Done")
        port = int(address.split(":")[2].split("/")[0])
    person.until(lambda: person.page.is_visible("#veil"))
    assert "connection is lost" in person.page.inner_text("#veil")
    with served(tmp_path, port):
        person.until(lambda: not person.page.is_visible("#veil"))
        assert (person.kept(0) == 1).any()


def test_a_source_that_breaks_off_is_said_and_its_whole_frames_are_drawn_on(
    serve, visit, truth, tmp_path
):
    (tmp_path / "frames" / "00005.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    address = serve(tmp_path)
    person = visit(address)
    person.until(lambda: "00005.png" in person.page.inner_text("#veil"))
    person.press("End", "b")
    person.until_shown(4)
    person.drag((20, 20), (30, 20))
    person.until_kept(4, lambda labels: labels[20, 25] == 1)
