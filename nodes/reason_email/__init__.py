"""The nodes of `ask-for-reason`: one open question to who left elsewhere and said no word why."""
