"""The nodes of `resume-unfinished`: what was left is taken up again, and in the end a person is asked."""
