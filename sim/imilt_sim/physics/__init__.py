"""Set-ups of the tissue alone, without firmware: measured cases and the user's own; `imilt physics` runs them."""
