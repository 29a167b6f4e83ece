"""A stand-in for the vendor of calls: lists the calls that it gets, and lets a person play each one's outcome."""
