"""Bar charts as SVG in a `data:` URL, without a library or network access."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABEL, VALUE, BAR, GAP, TOP = 720, 150, 60, 14, 10, 58
COLOURS = ("#c2410c", "#0f766e")
FONT = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True)
class Bars:
    """A group of bars: its label, and one count per series."""

    label: str
    counts: tuple[int, ...]


def chart(title: str, series: Sequence[str], groups: Sequence[Bars]) -> str:
    """Return horizontal bars as a Markdown image, with a white background so that it is legible in dark mode."""
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(_svg(title, series, groups).encode()).decode()})"


def _svg(title: str, series: Sequence[str], groups: Sequence[Bars]) -> str:
    step = len(series) * BAR + GAP
    height = TOP + len(groups) * step + GAP
    most = max((count for group in groups for count in group.counts), default=0) or 1
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'>",
        f"<rect width='{WIDTH}' height='{height}' rx='6' fill='#ffffff'/>",
        _text(16, 24, title, size=15, weight=600),
        *_legend(series),
    ]
    for row, group in enumerate(groups):
        top = TOP + row * step
        parts.append(_text(LABEL - 8, top + step / 2 - 1, group.label, anchor="end"))
        for place, count in enumerate(group.counts):
            length = (WIDTH - LABEL - VALUE) * count / most
            bar = f"x='{LABEL}' y='{top + place * BAR}' width='{length:.1f}' height='{BAR - 2}'"
            parts.append(f"<rect {bar} fill='{COLOURS[place]}'/>")
            parts.append(_text(LABEL + length + 6, top + place * BAR + 10, f"{count:,}"))
    return "".join([*parts, "</svg>"])


def _legend(series: Sequence[str]) -> list[str]:
    if len(series) == 1:
        return [_text(16, 44, series[0])]
    parts = []
    for place, name in enumerate(series):
        left = 16 + place * 160
        parts.append(f"<rect x='{left}' y='35' width='10' height='10' fill='{COLOURS[place]}'/>")
        parts.append(_text(left + 16, 44, name))
    return parts


def _text(x: float, y: float, words: str, *, size: int = 11, weight: int = 400, anchor: str = "start") -> str:
    looks = f"{FONT} font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='#1f2937'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {looks}>{escape(words)}</text>"
