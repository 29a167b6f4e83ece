"""`cancelflow doctor`: each check on a healthy system and with a broken part."""
