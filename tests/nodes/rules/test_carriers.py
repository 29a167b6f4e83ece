"""The message of a hook or a page to the customer: plain text of a bounded length."""

import pytest

from nodes.rules.carriers import MAX_MESSAGE, message_in


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Paused. Grüße!", "Paused. Grüße!"),
        (" two\r\n lines\t\0here ", "two lines here"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("x" * 501, "x" * MAX_MESSAGE),
        ("", None),
        (" \n", None),
        (None, None),
        (5, None),
        ({"text": "x"}, None),
    ],
)
def test_it_is_one_line_of_text(given: object, read: str | None) -> None:
    assert message_in(given) == read
