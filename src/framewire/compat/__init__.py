"""For users of other systems, one module for each: import the one that is yours."""
