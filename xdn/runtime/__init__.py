"""`Session`, and what it asks to run a net.

From a call to its results, in the order in which it passes these files::

    session.py     one net, ready to run: checks what is given (arguments.py), and that memory is there (needs.py)
    parts.py       cuts the net by what the backend takes; chain.py runs the parts one after another
    runner.py      one part: keeps its programs, one for each shape of images, choice of outputs and variant
    backend.py     what compiles and runs a part, as a protocol: Request -> Program -> Run
    cpu/           the backend that compiles machine code for this processor
    profile.py     what each layer of a run took, in the processor's own time (clock.py), beside its peak (peak.py)

configuration.py holds everything that may be chosen, from threads to the tile of a layer.
"""
