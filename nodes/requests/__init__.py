"""What both kinds of request have, to leave and to come back: an answer, a standing, a lease, and turns."""
