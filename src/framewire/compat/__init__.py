"""Other systems' wires and registries: one module each."""
