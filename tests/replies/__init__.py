"""Replies to emails, and the training and evaluation of the model that sorts them: `make eval-replies`."""
