"""Which browser is asking, by a cookie, and whether it asks from our own page."""

import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "vla_studio_browser"


def browser_of(cookies: Mapping[str, str]) -> str:
    """Return the secret name of the browser; one without a cookie is the stranger `""`."""
    return cookies.get(COOKIE, "")


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request came from a page that this server served, or from no page at all."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class BrowserCookie:
    """Gives every new browser a name of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, with a cookie in the answer if it brought none."""
        if scope["type"] != "http" or self._known(scope):
            await self._app(scope, receive, send)
            return
        name = secrets.token_urlsafe(16)
        value = f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", value.encode())]
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _known(self, scope: Scope) -> bool:
        header = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
        return COOKIE in SimpleCookie(header)
