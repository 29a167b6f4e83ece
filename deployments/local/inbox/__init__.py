"""A test mail server: SMTP that stores emails as .eml files, and a web page to read them."""
