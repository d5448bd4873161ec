"""The report in a browser: nothing on the console, nothing asked of the network, pictures there."""

import pytest

from audit._browser import Browser, find_chromium
from sklearn_privfair.audit import AuditComparison

WIDTHS = [360, 1440]
_SEEN = """
Array.from(document.querySelectorAll("figure svg")).map(picture => {
  const box = picture.getBoundingClientRect();
  const drawn = Array.from(picture.querySelectorAll("path, use, text")).filter(part => {
    const own = part.getBoundingClientRect();
    return own.width + own.height > 0 && own.left >= box.left - 1 && own.right <= box.right + 1;
  });
  const letters = Array.from(picture.querySelectorAll("text")).map(
    text => text.getBoundingClientRect().height);
  return {width: box.width, height: box.height, right: box.right, drawn: drawn.length,
          texts: letters.length, smallest: Math.min(...letters)};
})
"""


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    if path is None:
        pytest.skip("there is no chromium; on Debian: apt-get install chromium")
    browser = Browser(path)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, report, other_report, strange_report):
    folder = tmp_path_factory.mktemp("pages")
    report.to_html(folder / "one.html")
    strange_report.to_html(folder / "strange.html")
    AuditComparison(report, other_report).to_html(folder / "two.html")
    start, end = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">', "\n"
    (folder / "notebook.html").write_text(start + strange_report._repr_html_() + end)
    return folder


def _open(browser, pages, name, width, **how):
    browser.open((pages / f"{name}.html").as_uri(), width, **how)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "strange", "notebook"])
def test_quiet_and_alone(browser, pages, name, width):
    _open(browser, pages, name, width)
    assert browser.run("document.readyState") == "complete"
    assert browser.run("document.scripts.length") == 0
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.complaints() == []
    assert browser.requests() == []


def test_the_browser_would_tell(browser, tmp_path):
    """Of a page that complains and asks: else the test above could not fail."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<link rel="icon" href="data:,"><script>console.error("no")</script>'
        '<img src="http://localhost:9/none.png">'
    )
    browser.open(page.as_uri(), 360)
    assert browser.complaints()
    assert browser.requests() == ["http://localhost:9/none.png"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "strange"])
def test_pictures_are_there(browser, pages, name, width):
    _open(browser, pages, name, width)
    pictures = browser.run(_SEEN)
    assert len(pictures) >= 6
    for picture in pictures:
        assert picture["width"] > 0.75 * min(width, 560)
        assert picture["right"] <= width
        assert picture["height"] > 150
        assert picture["drawn"] > 20
        assert picture["texts"] >= 8
        assert picture["smallest"] >= 8  # pixels


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "strange"])
def test_nothing_is_wider_than_the_screen(browser, pages, name, width):
    _open(browser, pages, name, width)
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_links_lead_there(browser, pages, width):
    _open(browser, pages, "one", width)
    links = browser.run("Array.from(document.querySelectorAll('nav a')).map(a => a.hash)")
    assert len(links) == 6
    for link in links[1:]:
        browser.run("window.scrollTo(0, 0)")
        browser.run(f"document.querySelector('nav a[href=\"{link}\"]').click()")
        assert browser.run("location.hash") == link
        target = f"document.querySelector('{link}').getBoundingClientRect()"
        assert browser.run(f"{target}.top < window.innerHeight && {target}.bottom > 0")


def test_keyboard(browser, pages):
    """The skip link comes first, is seen when it has the focus, and leads to the summary."""
    _open(browser, pages, "one", 1440)
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.activeElement.getBoundingClientRect().left") >= 0
    browser.press("Enter", 13)
    assert browser.run("location.hash") == "#summary"
    assert browser.run("document.activeElement.id") == "summary"
    reached = set()
    for _ in range(60):
        browser.press("Tab", 9)
        reached.add(browser.run("document.activeElement.tagName"))
    assert {"A", "SUMMARY", "DIV"} <= reached


def test_a_step_opens(browser, pages):
    _open(browser, pages, "one", 360)
    step = "document.querySelector('#robustness details.step')"
    seen = f"{step}.querySelector('pre').checkVisibility()"
    assert not browser.run(seen)
    browser.run(f"{step}.querySelector('summary').click()")
    assert browser.run(seen)


@pytest.mark.parametrize("dark", [False, True])
def test_letters_differ_from_the_paper(browser, pages, dark):
    _open(browser, pages, "one", 1440, dark=dark)
    colours = browser.run(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    ink, paper = (sum(map(int, text[4:-1].split(", ")[:3])) for text in colours)
    assert (ink > paper) == dark
    assert abs(ink - paper) > 400


def test_print(browser, pages):
    _open(browser, pages, "one", 800, media="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.run("document.querySelectorAll('figure svg').length") >= 6
    browser.call("Emulation.setEmulatedMedia", media="", features=[])


def test_print_shows_what_paper_cannot_open(browser, pages):
    """How it was measured is printed; a picture in words is not, since the picture is there."""
    _open(browser, pages, "one", 800, media="print")
    step = "document.querySelector('#robustness details.step')"
    assert browser.run(f"{step}.querySelector('pre').getBoundingClientRect().height") > 50
    closed = "document.querySelector('figure details')"
    assert browser.run(f"{closed}.getBoundingClientRect().height") == 0
    cards = "Array.from(document.querySelectorAll('.card')).map(c => c.getBoundingClientRect().top)"
    assert len(set(browser.run(cards))) == 1  # side by side, on the first page
    browser.call("Emulation.setEmulatedMedia", media="", features=[])


def test_links_within_a_notebook(browser, pages, tmp_path):
    """A frame's links are those of the page around it, unless it says what its base is."""
    page = tmp_path / "open.html"
    text = (pages / "notebook.html").read_text()
    assert 'sandbox srcdoc="' in text
    page.write_text(text.replace("sandbox srcdoc=", "srcdoc="))  # so that a script may look inside
    browser.open(page.as_uri(), 1440)
    browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    within = "document.querySelector('iframe').contentWindow"
    browser.run(f"{within}.document.querySelector('nav a[href=\"#privacy\"]').click()")
    assert browser.run(f"{within}.location.href") == "about:srcdoc#privacy"
    assert browser.run(f"{within}.scrollY") > 500
    outside = "Array.from(document.querySelectorAll('a')).filter(a => a.closest('.privfair-audit'))"
    assert browser.run(f"{outside}.length") == 0  # of the summary, which has nowhere to lead
