"""What both kinds of request have, to leave and to come back: an answer, a status_now, a lease, and turns."""
