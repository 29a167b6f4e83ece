"""The company's texts as HTML: Markdown, of which only what is listed here reaches the page."""

from collections.abc import Mapping

from markdown_it import MarkdownIt
from markupsafe import Markup
from nh3 import Cleaner

from nodes.rules.blueprints.blueprint import with_figures

_MARKDOWN = MarkdownIt("commonmark")  # which lets HTML through
_ALLOWED = Cleaner(
    tags={"a", "b", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "strong", "ul"},
    attributes={"a": {"href"}},
    url_schemes={"https", "mailto", "tel"},
    url_relative="deny",
)


def safe_html(text: str, figures: Mapping[str, str] | None = None) -> Markup:
    """Return Markdown or HTML as HTML without scripts, styles, images and forms, and with links to HTTPS alone.

    `figures`: the texts for names such as `{videosCreated}`; whatever they contain is shown and never interpreted.
    """
    filled = with_figures(text, {name: _literally(each) for name, each in (figures or {}).items()})
    return Markup(_ALLOWED.clean(_MARKDOWN.render(filled)).strip())  # noqa: S704


def _literally(text: str) -> str:
    """Return the text with character references, which neither Markdown nor HTML takes for markup."""
    return "".join(each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in text)
