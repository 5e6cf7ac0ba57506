"""Who is let in: nobody without the token, no other page, nothing outside the two folders."""

import pytest
from starlette.websockets import WebSocketDisconnect

from studio_client import FRAMES, SIZE, TOKEN, studio, write_frames


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("studio")
    write_frames(place / "frames")
    (place / "secret.txt").write_text("not for the page")
    with studio(place) as page:
        yield page


@pytest.mark.parametrize(
    "path", ["/", "/api/project", "/wrong/", "/wrong/api/project", f"/{TOKEN}", f"/{TOKEN}x/", "//"]
)
def test_nothing_is_told_without_the_token(page, path):
    answer = page.client.get(path)
    assert answer.status_code == 403
    assert TOKEN not in answer.text


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nothing_is_done_without_the_token(page, method):
    assert page.client.request(method, "/wrong/api/run").status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1.evil.example:8765"],
)
def test_another_page_in_the_same_browser_is_refused(page, origin):
    for method, path in (("GET", "api/project"), ("POST", "api/run"), ("DELETE", "api/run")):
        answer = page.client.request(method, f"/{TOKEN}/{path}", headers={"origin": origin})
        assert answer.status_code == 403


def test_its_own_page_is_let_in(page):
    headers = {"origin": "http://127.0.0.1:8765"}
    assert page.client.get(f"/{TOKEN}/api/project", headers=headers).status_code == 200


def test_a_name_that_was_rebound_to_this_machine_is_refused(page):
    headers = {"host": "evil.example:8765", "origin": "http://evil.example:8765"}
    assert page.client.get(f"/{TOKEN}/api/project", headers=headers).status_code == 403


def test_a_socket_of_its_own_page_is_let_in(page):
    with page.listen(origin="http://127.0.0.1:8765"), page.listen():
        pass


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x"])
def test_a_socket_without_the_token_is_refused(page, token):
    with pytest.raises(WebSocketDisconnect) as refused, page.listen(token):
        pass
    assert refused.value.code == 1008


def test_a_socket_of_another_page_is_refused(page):
    with pytest.raises(WebSocketDisconnect), page.listen(origin="http://evil.example"):
        pass


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "api/pictures/..%2f..%2fsecret.txt",
        "api/pictures/-1",
        "api/masks/../../secret.txt",
        "api/exports/..%2f..%2fsecret",
        "api/exports/../run.json",
        "api/exports/masks",
        "style.css/../../app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
    ],
)
def test_nothing_outside_is_sent(page, path):
    answer = page.client.get(f"/{TOKEN}/{path}")
    assert answer.status_code in (403, 404, 405, 409, 422)
    assert "not for the page" not in answer.text


@pytest.mark.parametrize("index", [FRAMES, 10**9, -1, "x", "1e3"])
def test_frames_that_are_none_are_refused(page, index):
    body = bytes(SIZE[0] * SIZE[1])
    answer = page.client.put(f"/{TOKEN}/api/annotations/{index}", content=body)
    assert answer.status_code in (404, 409, 422)


def test_an_upload_that_is_too_long_is_refused_before_it_is_read(page):
    body = bytes(SIZE[0] * SIZE[1] + (1 << 17))
    assert page.client.put(f"/{TOKEN}/api/annotations/0", content=body).status_code == 413


def test_an_upload_that_does_not_tell_its_length_is_cut_off(page):
    def pieces():
        for _ in range(100):
            yield bytes(1 << 14)

    answer = page.client.put(f"/{TOKEN}/api/annotations/0", content=pieces())
    assert answer.status_code == 413
    assert not page.project.annotations


@pytest.mark.parametrize("length", [0, 1, SIZE[0] * SIZE[1] - 1, SIZE[0] * SIZE[1] + 1])
def test_an_upload_of_another_size_is_no_mask(page, length):
    answer = page.client.put(f"/{TOKEN}/api/annotations/0", content=b"\1" * length)
    assert answer.status_code == 400
    assert f"{SIZE[0] * SIZE[1]} bytes" in answer.json()["message"]
    assert not page.project.annotations


@pytest.mark.parametrize(
    "objects",
    [
        {"0": {"name": "a", "colour": "#112233"}},
        {"255": {"name": "a", "colour": "#112233"}},
        {"1": {"name": "", "colour": "#112233"}},
        {"1": {"name": "a" * 61, "colour": "#112233"}},
        {"1": {"name": "a", "colour": "url(http://evil.example)"}},
        {"1": {"name": "a", "colour": "#112233", "ended": -1}},
    ],
)
def test_objects_that_are_none_are_refused(page, objects):
    assert page.client.put(f"/{TOKEN}/api/objects", json=objects).status_code == 422


def test_answers_forbid_foreign_scripts_and_frames(page):
    headers = page.get("").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_nobody_else(page):
    text = page.get("").text + page.get("main.js").text + page.get("style.css").text
    assert "http://" not in text
    assert "https://" not in text
