"""Chromium without a window, driven through a pipe: pages are opened, keys pressed, and complaints kept."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt install chromium")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--disable-dev-shm-usage")
AXE = os.environ.get("RECSYS_OPS_AXE")
"""Where axe.min.js of the npm package axe-core (MPL-2.0, not kept here) is; without it, its checks are left out."""
_KEYS = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "End": 35, "Home": 36}
_UNNAMED = """
[...document.querySelectorAll('input, select, textarea, button, meter, figure')].filter(one => !one.labels?.length
  && !one.ariaLabel && !one.getAttribute('aria-labelledby') && !one.textContent.trim()).map(one => one.outerHTML)
"""

_VIOLATIONS = """
async () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  return (await axe.run()).violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, help, nodes}) => `${id}: ${help} (${nodes.length}: ${nodes[0].html})`);
}
"""


class Browser:
    """One tab. ``complaints`` are lines of its console and errors, ``requests`` the addresses that it asked for."""

    def __init__(self, write: int, read: int, downloads: Path) -> None:
        self.downloads, self.complaints, self.requests = downloads, [], []  # type: ignore[var-annotated]
        self._write, self._read, self._buffer, self._number = write, read, b"", 0
        self._events: list[str] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        downloads.mkdir(exist_ok=True)
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith("Browser."):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, url: str, *, width: int = 1024, theme: str = "light") -> None:
        """Load a page and wait until it stands."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self._events.clear()
        self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._note(self._next())

    def check(self, url: str) -> None:
        """A page loads nothing else, complains of nothing and fits, narrow and wide, light and dark.

        It has one title, no heading skips a level, and whatever can be used or looked at has a name.
        """
        for width, theme in ((375, "light"), (1024, "dark"), (1600, "light")):
            self.open(url, width=width, theme=theme)
            assert not self.complaints
            assert self.requests.pop() == url
            assert not self.requests
            assert self.value("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
            self.check_accessible()
        levels = self.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(lower <= upper + 1 for upper, lower in pairwise(levels)), levels
        assert self.value(_UNNAMED) == []

    def check_accessible(self) -> None:
        """axe-core finds nothing serious or critical in what is shown, where ``RECSYS_OPS_AXE`` names it."""
        if AXE is not None:
            self.value(Path(AXE).read_text(encoding="utf-8") + "; 0")
            assert self.value(f"({_VIOLATIONS})()") == []

    def value(self, expression: str) -> Any:
        """What a script says; it is not bound by the page's policy."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, *keys: str) -> None:
        """Keys one after the other, by name, or text to type."""
        for key in keys:
            if key not in _KEYS:
                self.call("Input.insertText", text=key)
                continue
            text = {"Space": " ", "Enter": "\r"}.get(key, "")
            about = {"key": text if key == "Space" else key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
            self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def tab_to(self, selector: str) -> None:
        """Reach an element by the Tab key alone."""
        here = f"document.activeElement.matches({json.dumps(selector)})"
        for _ in range(400):
            if self.value(here):
                return
            self.press("Tab")
        raise AssertionError(f"{selector} cannot be reached by keyboard")

    def until(self, expression: str) -> Any:
        """What an expression says once it is true."""
        return _until(lambda: self.value(expression), expression)

    def downloaded(self, name: str) -> Path:
        """A file that was downloaded."""
        path = self.downloads / name
        _until(path.exists, name)
        return path

    def screenshot(self, path: Path) -> None:
        """The whole page as a picture."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            content = os.read(self._read, 1 << 20)
            assert content, "the browser has ended"
            self._buffer += content
        message, _, self._buffer = self._buffer.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def _note(self, event: dict[str, Any]) -> None:
        method, about = event.get("method", ""), event.get("params", {})
        self._events.append(method)
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(about))
        elif method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with its profile and downloads in a folder."""
    its_end, our_write = os.pipe()
    our_read, its_write = os.pipe()

    def connect() -> None:
        os.dup2(its_end, 3)
        os.dup2(its_write, 4)

    process = subprocess.Popen(
        [str(CHROMIUM), *_FLAGS, f"--user-data-dir={folder}/profile"], pass_fds=(3, 4, its_end, its_write),
        preexec_fn=connect, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(its_end)
    os.close(its_write)
    try:
        yield Browser(our_write, our_read, folder / "downloads")
    finally:
        process.kill()
        process.wait()
        os.close(our_write)
        os.close(our_read)


def _until(is_so: Callable[[], Any], what: str) -> Any:
    for _ in range(200):
        if found := is_so():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")
