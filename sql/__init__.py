"""The SQL files: `migrations/`, forward only, and `queries/`, in named blocks.

A block begins with `-- name: the_query`, followed by comments that describe it. Parameters are `%(named)s`. A block
whose name contains `{kind}` is a query for each kind of request.
"""

import re
from importlib.resources import files

# The kinds of request; each has a table of its own, `{kind}_requests`.
KINDS = ("cancellation", "reactivation", "change")
_BLOCK = re.compile(r"^-- name: ([\w{}]+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _read_queries() -> dict[str, str]:
    queries: dict[str, str] = {}
    for file in sorted(files("sql").joinpath("queries").iterdir(), key=lambda f: f.name):
        for template, text in _BLOCK.findall(file.read_text(encoding="utf-8")):
            for kind in KINDS if "{kind}" in template else ("",):
                name = template.replace("{kind}", kind)
                if name in queries:
                    raise ValueError(f"two queries are named {name}; the second is in sql/queries/{file.name}")
                queries[name] = text.replace("{kind}", kind).strip()
    return queries


QUERIES = _read_queries()
