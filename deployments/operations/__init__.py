"""What the commands of people who run cancelflow do in the database, mostly as its owner; a module a subject."""
