"""Results of calls: received from the vendor, and the nodes of `route-call-result`, which act on them."""
