"""The text of an email that has only HTML.

The time is linear in its length. The standard library's parser takes ten seconds for 20 kB of unfinished tags.
"""

import re
from collections.abc import Iterator
from html import unescape

_TAG = re.compile(r"(/?)([a-z][a-z0-9:-]*)|[!?/]", re.IGNORECASE)
_UNSEEN = frozenset({"head", "script", "style", "title", "template", "blockquote"})
# The containers in which mail programs put the email that is replied to.
_QUOTED = re.compile(r"\b(gmail_quote|yahoo_quoted|protonmail_quote|moz-cite-prefix)\b")
_BLOCKS = frozenset(
    {"p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "blockquote"}
)
_WITHOUT_END = frozenset(["br", "hr", "img", "meta", "link", "input", "col", "area", "base", "embed", "source", "wbr"])


def html_text(html: str) -> str:
    """Return what a reader sees of the HTML, without the quoted email, a line per block. Never raises."""
    lines = (" ".join(line.split()) for line in "".join(_seen(_without_comments(html))).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _seen(html: str) -> Iterator[str]:
    """Yield the text between the tags, and a new line per block; skip an unseen element until its end tag."""
    first, *pieces = html.split("<")
    yield _text(first)
    skipped, depth = "", 0
    for piece in pieces:
        inside, end, after = piece.partition(">")
        tag = _TAG.match(inside) if end else None
        if tag is None:
            after = f"<{piece}"
        closes, name = (tag[1], (tag[2] or "").lower()) if tag else ("", "")
        if skipped:
            if name == skipped:
                depth += -1 if closes else 1
            skipped = skipped if depth else ""
            if skipped:
                continue
        elif not closes and name not in _WITHOUT_END and (name in _UNSEEN or (tag and _QUOTED.search(inside))):
            skipped, depth = name, 1
            continue
        yield ("\n" if name in _BLOCKS else "") + _text(after)


def _text(written: str) -> str:
    return unescape(written).replace("\n", " ")


def _without_comments(html: str) -> str:
    first, *rest = html.split("<!--")
    return "".join([first, *(part.partition("-->")[2] for part in rest)])
