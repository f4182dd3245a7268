"""An S3 server in this process that does what a real one cannot be made to do: refuse and fail as a test says."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from moto.server import DomainDispatcherApplication, create_backend_app
from s3fs import S3FileSystem
from werkzeug.serving import WSGIRequestHandler, make_server

Answer = tuple[int, str] | None
"""Status and S3 error code, or the whole XML of an answer; None lets the request through."""
Script = Callable[[dict[str, Any], int], Answer]
"""``script(environ, n)``: what becomes of the n-th request of this method and path, counted from 0."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "scripted", "AWS_SECRET_ACCESS_KEY": "scripted"}
BUCKET = "scripted"


class ScriptedS3:
    """moto behind a script; ``seen`` has the headers of every request that got through."""

    def __init__(self) -> None:
        self.script: Script = lambda environ, n: None
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seen: list[dict[str, str]] = []
        self.endpoint = ""
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """One request."""
        key = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        answer = self.script(environ, self.counts[key])
        self.counts[key] += 1
        if answer is None:
            self.seen.append({name: str(value) for name, value in environ.items() if name.startswith("HTTP_")})
            passed: Iterable[bytes] = self._moto(environ, start_response)
            return passed
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = answer
        error = f"<Error><Code>{code}</Code><Message>as scripted</Message></Error>"
        body = (code if code.startswith("<") else error).encode()
        start_response(f"{status} scripted", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        return


@contextmanager
def scripted_s3(environment: Any) -> Iterator[ScriptedS3]:
    """A server with an empty bucket ``BUCKET``; ``environment`` is the test's monkeypatch, set to reach it."""
    store = ScriptedS3()
    server = make_server("127.0.0.1", 0, store, threaded=True, request_handler=_Silent)
    store.endpoint = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": store.endpoint, "NO_PROXY": "127.0.0.1"}.items():
        environment.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    try:
        urlopen(Request(f"{store.endpoint}/moto-api/reset", method="POST")).close()  # moto keeps its buckets in globals
        S3FileSystem(endpoint_url=store.endpoint).mkdir(BUCKET)
        store.counts.clear()
        store.seen.clear()
        yield store
    finally:
        S3FileSystem.clear_instance_cache()
        server.shutdown()
        thread.join(10)
        server.server_close()


def is_conditional(environ: dict[str, Any]) -> bool:
    """Whether the request may only create."""
    return "HTTP_IF_NONE_MATCH" in environ
