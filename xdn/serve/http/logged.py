"""An application whose requests are logged."""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from xdn.serve.front import Front
from xdn.serve.limits import now


class Logged:
    """Calls an application, and logs a line when each of its responses is sent.

    Parameters
    ----------
    app : ASGI application
    front : Front
    """

    def __init__(self, app: ASGIApp, front: Front):
        self._app, self._front = app, front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        came, status = now(), "-"

        async def watched(message: MutableMapping[str, Any]) -> None:
            """Send, and remember the status."""
            nonlocal status
            status = str(message.get("status", status))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._front.tell(f"http {scope['method']} {scope['path']}", status, now() - came)
