"""The nodes of `resume-unfinished`, which retries unfinished work and parks it for an operator after some hours."""
