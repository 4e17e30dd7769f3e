"""What holds for every page: no fault that axe finds, no sideways scroll, in both themes."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, Theme] = ("light", "dark")
WIDTHS = (320, 390, 1280)


def require_good_looks(page: Page) -> None:
    """Fail with axe's own words, or the width at which the page scrolls sideways."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        scrolls = page.evaluate("document.documentElement.scrollWidth")
        assert scrolls <= width, f"{page.url} is {scrolls} px wide at {width} px"
