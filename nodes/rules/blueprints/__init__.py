"""The rules of blueprints: which steps there are, whom each is for, and what the page shows next."""
