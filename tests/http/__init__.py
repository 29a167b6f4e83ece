# ruff: noqa: A005  # the tests' root is never first on sys.path: see tests/test_architecture.py
