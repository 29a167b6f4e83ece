"""How well the local model sorts the held-out replies: `make eval-replies`."""

from tests.replies.evaluation import report

if __name__ == "__main__":
    print(report(), end="")  # noqa: T201
