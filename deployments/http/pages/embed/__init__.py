"""The embed: the cancel page in a dialog on the company's own pages (FEATURES C15 to C19, C34)."""
