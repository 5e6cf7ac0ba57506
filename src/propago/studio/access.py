"""Who may talk to the studio: whoever knows the token, from a page that the studio has sent."""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_SAFE = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' blob: data:; "
    b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    b"form-action 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}


class Guard:
    """Lets requests through whose path begins with the token, and takes it off the path.

    Everything else is refused with 403, pages and sockets alike: a wrong token, a `Host` that is
    not one of ours (DNS rebinding), an `Origin` that is not the page's own (another page in the
    same browser). A body above `most_bytes` is refused with 413, whatever its header says.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str], most_bytes: int) -> None:
        """Stand before `app`.

        Args:
            app: what is guarded.
            token: the first part of every path.
            hosts: names in `Host` that are ours; "*" stands for any.
            most_bytes: the longest body.
        """
        self._app, self._token, self._hosts, self._most = app, token, hosts, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As any ASGI application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = self._path_behind_token(scope["path"])
        if path is None or not self._is_ours(headers):
            await _refuse(scope, receive, send)
            return
        told = headers.get("content-length", "0")
        if not told.isdecimal() or int(told) > self._most:
            await PlainTextResponse("too much", 413)(scope, receive, send)
            return
        inner = dict(scope, path=path, raw_path=path.encode(), root_path="")
        await self._app(inner, self._limited(receive), _with_safe_headers(send))

    def _path_behind_token(self, path: str) -> str | None:
        token, slash, rest = path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode(), self._token.encode())
        return f"/{rest}" if known and slash else None

    def _is_ours(self, headers: Headers) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        name = urlsplit(f"//{host}").hostname or ""
        if "*" not in self._hosts and name not in self._hosts:
            return False
        return origin is None or urlsplit(origin).netloc == host

    def _limited(self, receive: Receive) -> Receive:
        came = 0

        async def limited() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if message["type"] == "http.request" and came > self._most:
                raise HTTPException(413)
            return message

        return limited


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(1008)(scope, receive, send)
    else:
        said = "Forbidden: open the address that `propago studio` has printed."
        await PlainTextResponse(said, 403)(scope, receive, send)


def _with_safe_headers(send: Send) -> Send:
    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = dict(message, headers=[*message["headers"], *_SAFE.items()])
        await send(message)

    return safe
