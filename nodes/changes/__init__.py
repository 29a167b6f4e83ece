"""The nodes of the flows that accept an offer or end a pause early. One file per step; step 4 is each flow's own."""
