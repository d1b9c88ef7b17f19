"""A real browser, and a person who uses the panel with it. Whatever the browser complains about is a failure."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from connectpulse.testing.plugin import require_peer

from .panel_scene import NAMES, PASSWORD

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PICTURES = os.environ.get("PULSE_PICTURES")
"""A folder to put a picture of every page into, for looking at."""


_TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("main *")]
    .filter((each) => each.getBoundingClientRect().right > room + 1)
    .map((each) => each.tagName + "." + each.className + " " + each.textContent.trim().slice(0, 40)).slice(0, 8);
}"""


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium without a window."""
    path = shutil.which("chromium")
    require_peer(path is not None, "Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@dataclass
class Person:
    """Somebody in front of a page. `complaints` is everything the browser logged as an error."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    shots: int = 0

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def sign_in(self, role: str) -> None:
        self.give_password(role)
        expect(self.page.locator("#side")).to_be_attached()

    def give_password(self, role: str) -> None:
        """Fill in the sign-in page and send it; where that leads is for the caller to look at."""
        self.open("/login/")
        self.fill("Name or e-mail address", NAMES[role])
        self.fill("Password", PASSWORD)
        self.press("Sign in")

    def sign_out(self) -> None:
        self.press("Sign out")

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(re.compile(f"^{re.escape(label)}")).first.fill(value)

    def choose(self, label: str, words: str) -> None:
        """Pick something by typing the beginning of its name."""
        box = self.page.get_by_role("combobox", name=re.compile(f"^{re.escape(label)}"))
        own = self.page.locator(".ts-wrapper", has=box)
        option = own.locator(".ts-dropdown:visible .option", has_text=words).first
        for patience in (5_000, 10_000, 30_000):  # what is typed while the page is busy may be asked for too early
            box.click()
            box.fill("")
            box.press_sequentially(words)
            try:
                option.click(timeout=patience)
                break
            except PlaywrightTimeout:
                if patience == 30_000:
                    raise
        self.page.keyboard.press("Escape")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def sees(self, words: str | re.Pattern[str], timeout: float = 10_000) -> None:
        expect(self.page.get_by_text(words).first).to_be_visible(timeout=timeout)

    def shoot(self, name: str) -> None:
        """Keep a picture of the page if pictures are wanted, and hold it against its width."""
        self.page.wait_for_load_state()
        wide = self.page.evaluate(_TOO_WIDE)
        assert not wide, f"{self.page.url} is too wide because of {wide}"
        if PICTURES:
            self.shots += 1
            width = self.page.viewport_size["width"] if self.page.viewport_size else 0
            self.page.screenshot(path=Path(PICTURES) / f"{width}-{self.shots:02}-{name}.png", full_page=True)


@contextmanager
def person(started: Browser, address: str, size: dict[str, int], theme: str = "light") -> Iterator[Person]:
    """Open a fresh browser profile; it must end without a complaint."""
    context = started.new_context(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    made = Person(page, address)
    page.on("console", lambda said: made.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    yield made
    context.close()
    assert made.complaints == []
