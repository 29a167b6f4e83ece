"""The nodes of `monthly-report`: payments by saved customers, and a month's figures."""
