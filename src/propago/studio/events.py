"""Messages from any thread to every page that is open."""

import asyncio
from typing import Any

MOST_WAITING = 2000
"""A page that has fallen behind by so many messages is let go; it comes back and reads anew."""


class Hub:
    """Hands each published message to all subscribers, in order."""

    def __init__(self) -> None:
        """Without subscribers."""
        self._open: set[Subscription] = set()

    def subscribe(self) -> "Subscription":
        """A subscription of the running event loop."""
        subscription = Subscription(self, asyncio.get_running_loop())
        self._open.add(subscription)
        return subscription

    def publish(self, message: dict[str, Any]) -> None:
        """Hand over a message (JSON values), from any thread."""
        for subscription in tuple(self._open):
            subscription.hand_over(message)

    def leave(self, subscription: "Subscription") -> None:
        """End a subscription; one that has ended stays so."""
        self._open.discard(subscription)


class Subscription:
    """The messages for one page; `None` says that it was let go."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        """Made by `Hub.subscribe`."""
        self._hub, self._loop = hub, loop
        self._waiting: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def next(self) -> dict[str, Any] | None:
        """The next message; None where too many waited."""
        return await self._waiting.get()

    def hand_over(self, message: dict[str, Any]) -> None:
        """Called by the hub."""
        try:
            self._loop.call_soon_threadsafe(self._put, message)
        except RuntimeError:  # its loop has ended
            self._hub.leave(self)

    def _put(self, message: dict[str, Any]) -> None:
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put_nowait(message)
        else:
            self._hub.leave(self)
            self._waiting.put_nowait(None)
