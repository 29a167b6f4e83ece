"""The nodes of `remind-of-change`, which announces that billing resumes after a pause, or that a discount ends."""
