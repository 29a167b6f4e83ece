"""Rules of calls to customers who cancelled."""
