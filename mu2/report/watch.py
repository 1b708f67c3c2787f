"""A small server of the live page: on this machine alone, for reading alone."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mu2.errors import Mu2Error
from mu2.report.follow import Follower
from mu2.report.html.page import asset, page, report_document, script_json

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
PERIOD = 0.5  # seconds between two looks at the system
AGENTS_PERIOD = 2.0  # and at what its agents do meanwhile, which is read from a file of each
BEAT = 15.0  # seconds after which a silent stream says that it is alive
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def make_application(directory: Path) -> "Starlette":
    """The server's application: the page, its data, and a stream of the names of commits.

    It answers GET and HEAD alone, and serves no files.

    Args:
      directory: the system's folder; it need not be there yet.

    Raises:
      Mu2Error: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import HTMLResponse, Response, StreamingResponse
        from starlette.routing import Route
    except ImportError as error:
        raise _not_installed() from error
    follower = Follower(directory, lambda history: script_json(report_document([history])).encode())
    text = page(
        f"mu2: {directory.resolve().name}",
        "<noscript>The live page needs scripts.</noscript>",
        "",
        asset("scripts"),
        "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'",
    )

    async def show(request: "Request") -> "Response":
        return HTMLResponse(text, headers=_HEADERS)

    async def data(request: "Request") -> "Response":
        try:
            content = await asyncio.to_thread(follower.content)
        except Mu2Error as error:
            said = json.dumps({"fault": str(error)})
            return Response(said, 503, _HEADERS, media_type="application/json")
        if content is None:
            return Response(status_code=204, headers=_HEADERS)
        version, body = content
        headers = {**_HEADERS, "X-Commit": version}
        return Response(body, headers=headers, media_type="application/json")

    async def events(request: "Request") -> "Response":
        return StreamingResponse(
            _commits(follower, request), headers=_HEADERS, media_type="text/event-stream"
        )

    routes = [Route("/", show), Route("/data.json", data), Route("/events", events)]
    # A page elsewhere that has its name point here must not read what is here.
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(routes=routes, middleware=[trusted])


async def _commits(follower: Follower, request: Any) -> AsyncIterator[str]:
    """Server-sent events: the newest commit's name, and what agents do, whenever it has changed."""
    last: str | None = ""
    agents: list[str] = []
    silent, looked = 0.0, AGENTS_PERIOD
    while not await request.is_disconnected():
        if looked >= AGENTS_PERIOD:
            looked, now = 0.0, await asyncio.to_thread(follower.agents)
            if now != agents:
                yield f"event: agents\ndata: {json.dumps(now)}\n\n"
                agents, silent = now, 0.0
        version = await asyncio.to_thread(follower.version)
        if version != last:
            yield f"data: {version or ''}\n\n"
            last, silent = version, 0.0
        elif silent >= BEAT:
            yield ": alive\n\n"
            silent = 0.0
        await asyncio.sleep(PERIOD)
        silent, looked = silent + PERIOD, looked + PERIOD


def open_socket(port: int) -> socket.socket:
    """A socket that listens on this machine alone.

    Args:
      port: of it; 0 takes a free one.

    Raises:
      Mu2Error: the port is taken or may not be used.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise Mu2Error(
            f"port {port} of {HOST} cannot be used: {reason}.", hint="--port 0 takes a free one."
        ) from error
    return listening


def serve(directory: Path, listening: socket.socket) -> None:
    """Serves until it is interrupted.

    Args:
      directory: the system's folder.
      listening: of `open_socket`.

    Raises:
      Mu2Error: uvicorn or Starlette is not installed.
    """
    application = make_application(directory)
    try:
        import uvicorn
    except ImportError as error:
        raise _not_installed() from error
    config = uvicorn.Config(
        application, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listening])


def _not_installed() -> Mu2Error:
    return Mu2Error(
        "the live page needs Starlette and uvicorn, which are not installed.",
        hint="pip install 'mu2[report]'",
    )
