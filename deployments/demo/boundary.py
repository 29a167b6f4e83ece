"""Error translation for the demo: errors of the libraries become `PartFailed`."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import stripe
from google.api_core.exceptions import GoogleAPIError

from nodes.errors import CancelflowError


class PartFailed(CancelflowError):
    """A part of the stack is unreachable or refused a call; the message names the part."""


@contextmanager
def our_errors() -> Iterator[None]:
    """Raise `PartFailed` for errors of the libraries. Demo customers are invented, so messages may quote them."""
    try:
        yield
    except stripe.APIConnectionError as error:
        raise PartFailed(f"Stripe is not reachable ({type(error).__name__})") from None
    except stripe.StripeError as error:
        raise PartFailed(f"Stripe refused: {error.user_message or type(error).__name__}") from None
    except psycopg.errors.UndefinedTable:
        raise PartFailed("the database is not migrated: run `cancelflow migrate`") from None
    except psycopg.Error as error:
        first_line = str(error).partition("\n")[0]
        raise PartFailed(f"PostgreSQL: {first_line}") from None
    except httpx.HTTPError as error:
        raise PartFailed(f"a part of the stack is not reachable ({type(error).__name__})") from None
    except GoogleAPIError as error:
        raise PartFailed(f"Pub/Sub is not reachable ({type(error).__name__})") from None
