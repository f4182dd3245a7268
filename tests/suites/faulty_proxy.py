"""An HTTP proxy on the loopback interface that stands before an S3 server and fails now and then, as networks do."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

import numpy as np
from aiohttp import ClientSession, web
from yarl import URL

SLOW_DOWN = "<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "expect"})
"""Headers that each side of a proxy has its own of."""


class FaultyProxy:
    """Answers some requests itself, with 503, drops the connections of others, and passes the rest on unchanged.

    ``unavailable`` and ``dropped`` are the shares of requests that meet each fault. Half of the dropped requests reach
    the server first, so that the client cannot know whether its request was carried out.
    """

    def __init__(self, upstream: str, *, seed: int, unavailable: float, dropped: float) -> None:
        self.upstream = upstream
        self.unavailable = unavailable
        self.dropped = dropped
        self.endpoint = ""
        self.counts: Counter[str] = Counter()
        self._rng = np.random.default_rng([seed])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request: its fate is drawn, not decided by what it asks for."""
        fate, reaches_server = self._rng.random(2)
        body = await request.read()
        if fate < self.unavailable:
            self.counts["unavailable"] += 1
            return web.Response(status=503, text=SLOW_DOWN, content_type="application/xml")
        is_dropped = fate < self.unavailable + self.dropped
        self.counts["dropped" if is_dropped else "passed"] += 1
        response = None
        if not is_dropped or reaches_server < 0.5:
            response = await self._pass_on(request, body)
        if response is None or is_dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return response

    async def _pass_on(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        """The server's answer, or None when it gives none."""
        url = URL(self.upstream + request.raw_path, encoded=True)
        session = request.app[SESSION]
        try:
            async with session.request(
                request.method, url, headers=_passed(request.headers), data=body, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except OSError:
            return None
        return web.Response(status=answer.status, headers=_passed(answer.headers), body=content)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Listen on a free port until the end of the block."""
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", self.answer)
        async with ClientSession(auto_decompress=False) as application[SESSION]:
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield
            finally:
                await runner.cleanup()


SESSION: web.AppKey[ClientSession] = web.AppKey("session", ClientSession)


@contextmanager
def faulty_proxy(upstream: str, *, seed: int, unavailable: float = 0.0, dropped: float = 0.0) -> Iterator[FaultyProxy]:
    """A proxy before the server at ``upstream``, in a thread of its own, for the length of the ``with`` block."""
    proxy = FaultyProxy(upstream, seed=seed, unavailable=unavailable, dropped=dropped)
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with proxy.serve():
            ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    loop, stop = ready.result(30)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


def _passed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in OF_ONE_CONNECTION]
