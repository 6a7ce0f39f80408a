"""Build what is released, and prove it: ``python -m wheels`` from the root of a checkout."""
