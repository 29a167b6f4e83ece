"""Rules about the text of customers' replies."""
