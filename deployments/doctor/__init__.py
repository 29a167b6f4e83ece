"""`cancelflow doctor`: checks everything that must be right before the first customer, with a module for each part."""
