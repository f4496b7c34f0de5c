"""What a sound rule book does and nobody can have meant: one analysis a file, each warning proven, most with a witness.

A warning that something *never* happens is proven over a superset of all parties (``rules.lint.possible``), so it holds
for every real one. A witness is looked for among concrete facts (``rules.lint.seeking``) and shown only after the
authoritative evaluator has confirmed it (``rules.lint.bench``). Where a proof would have to look at too many cases,
nothing is said.
"""
