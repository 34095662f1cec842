"""A headless Chromium, driven by its own protocol over a pipe: pages are opened, looked at and listened to.

``python -m tests.browser PAGE...`` prints how long pages take to their first paint.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

#: By what name it may be found.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: A promise of the time of the first paint, which may be still to come.
_FIRST_PAINT = """new Promise(done => new PerformanceObserver(list => done(list.getEntries()[0].startTime))
    .observe({type: "paint", buffered: true}))"""
#: Openings of a page, and the window, where its first paint is measured.
OPENINGS, WINDOW = 7, (1280, 800)
#: Seconds after which a browser that says nothing is given up.
LIMIT_S = 60


def chromium() -> str | None:
    """Return the browser's path, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Browser:
    """A browser with one page.

    Parameters
    ----------
    asks, tells : binary files
        Messages to it and from it, each with a zero byte after it.
    complaints : list of str
        What the console and the page's errors said.
    requests : list of str
        What was asked for, from files or the network.
    """

    asks: Any
    tells: Any
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    number: int = 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result; events meanwhile are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.asks.write(json.dumps(message).encode() + b"\0")
        self.asks.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def wait(self, event: str) -> None:
        """Wait for an event."""
        while self._next().get("method") != event:
            pass

    def value(self, expression: str) -> Any:
        """Return what an expression is on the page, as JSON values."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, path: Path, width: int, height: int, dark: bool) -> None:
        """Open a file in a window of a size, in light or dark colours."""
        self.complaints, self.requests = [], []
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        self.wait("Page.loadEventFired")

    def first_paint_ms(self) -> float:
        """Return how long after the page was asked for something was first seen, in milliseconds."""
        return self.value(_FIRST_PAINT)

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a .png."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _next(self) -> dict[str, Any]:
        """Return the next message."""
        text = bytearray()
        while (byte := self.tells.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        message: dict[str, Any] = json.loads(text)
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
        return message


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser with an empty page, and end it afterwards."""
    program = chromium()
    assert program is not None
    read_asks, write_asks = os.pipe()
    read_tells, write_tells = os.pipe()
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # Its pipes are those of the numbers 3 and 4.
        command = f'exec "$0" "$@" 3<&{read_asks} 4>&{write_tells}'
        process = subprocess.Popen(
            ["bash", "-c", command, program, *flags, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(read_asks, write_tells), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_asks)
        os.close(write_tells)
        with os.fdopen(write_asks, "wb") as asks, os.fdopen(read_tells, "rb") as tells:
            try:
                yield _with_page(Browser(asks, tells))
            finally:
                process.kill()
                process.wait(LIMIT_S)


def _with_page(browser: Browser) -> Browser:
    """Let calls go to the page from here on, and its events come."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    return browser


def main(pages: list[str]) -> None:
    """Print the median of each page's first paints, and their range."""
    with browsing() as browser:
        for page in pages:
            found = []
            for _ in range(OPENINGS):
                browser.open(Path(page).resolve(), *WINDOW, dark=False)
                found.append(browser.first_paint_ms())
            print(f"{page}: {median(found):.0f} ms ({min(found):.0f} .. {max(found):.0f})")


if __name__ == "__main__":
    main(sys.argv[1:])
