"""Fetch the mailbox once, as a process that can be killed: `python -m tests.replies.fetching`."""

from nodes.replies.fetch import fetch_replies
from tests.replies.customers import here

if __name__ == "__main__":
    here(fetch_replies)
