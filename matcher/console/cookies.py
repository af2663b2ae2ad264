"""The cookie that holds a session's token, and whether a form was sent from the console's pages."""

from __future__ import annotations

from fastapi import Request, Response


class Cookie:
    """The cookie of a console at an address; behind TLS it is bound to that very host."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._secure = address.startswith("https://")
        self.name = "__Host-concord-console" if self._secure else "concord-console"

    def read(self, request: Request) -> str | None:
        """Return the token that a request brings, None where it brings none."""
        return request.cookies.get(self.name)

    def give(self, response: Response, token: str) -> None:
        """Let the browser keep a token until it is closed."""
        response.set_cookie(
            self.name, token, path="/", secure=self._secure, httponly=True, samesite="strict"
        )

    def take(self, response: Response) -> None:
        """Let the browser forget the token."""
        response.delete_cookie(
            self.name, path="/", secure=self._secure, httponly=True, samesite="strict"
        )

    def is_own_form(self, request: Request) -> bool:
        """Whether a form was sent from a page of the same address.

        Browsers say so in ``Sec-Fetch-Site``, which no page can set; those that don't, in
        ``Origin``. Pages are served without a referrer, for which browsers make ``Origin`` "null".
        """
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return request.headers.get("origin") == self._address
