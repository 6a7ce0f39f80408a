"""Fuzzing of the receive path: mutated messages, through sockets, decoded and read in full.

    python -m fuzz --minutes 60            # mutates at random
    fuzz/run 3600                         # guided by coverage, of an instrumented build
    python -m fuzz FILE.frames …           # messages that were saved

`seeds` is what there is to mutate, `mutate` how, `receive` what is done with a message and what may
come of it, `content` how a value is read, `watch` what must not grow.
"""
