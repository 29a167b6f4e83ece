"""`cancelflow doctor`: checks everything that must be right before the first customer, a module a part."""
