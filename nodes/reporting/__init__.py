"""The nodes of `monthly-report`: what saved customers paid, and a month's figures."""
