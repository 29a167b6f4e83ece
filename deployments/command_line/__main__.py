"""`python -m deployments.command_line`."""

from deployments.command_line import main

main()
