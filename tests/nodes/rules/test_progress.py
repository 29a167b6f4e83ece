"""The recovery points in code are those of the column, in the same order."""

import re
from importlib.resources import files

import pytest

from nodes.rules.progress import RecoveryPoint

# The definition of the table of WF-023's requests, which comes first in its file.
TABLE = files("sql").joinpath("migrations", "0003_requests.sql").read_text("utf-8").partition("\n);\n")[0]


def test_the_recovery_points_are_in_the_columns_order() -> None:
    [checked] = re.findall(r"CHECK \(recovery_point IN \(([^)]+)\)", TABLE)
    assert [point.name.lower() for point in RecoveryPoint] == re.findall(r"'(\w+)'", checked)


def test_a_request_starts_at_the_first_point() -> None:
    [default] = re.findall(r"recovery_point +text +NOT NULL DEFAULT '(\w+)'", TABLE)
    assert RecoveryPoint.of(default) is min(RecoveryPoint)


@pytest.mark.parametrize("point", RecoveryPoint, ids=lambda point: point.name)
def test_a_point_is_read_from_its_column(point: RecoveryPoint) -> None:
    assert RecoveryPoint.of(point.name.lower()) is point


def test_an_unknown_point_is_an_error() -> None:
    with pytest.raises(KeyError):
        RecoveryPoint.of("lost")
