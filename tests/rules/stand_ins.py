"""Stand-ins for the engine's C module, as the text of a Python module."""

from __future__ import annotations

PASSES_EVERYTHING = """
import json, re
rules, fired = [], []
def create_ruleset(name, definition):
    likeliest = {}
    for rule, condition in json.loads(definition).items():
        likeliest.setdefault(re.search("f[0-9]+", json.dumps(condition))[0], rule)
    rules[:] = likeliest.values()
    return 1
def assert_fact(*_): fired[:] = rules; return (0, 1)
def start_action_for_state(*_): return ("{}", complete_and_start_action())
def complete_and_start_action(*_): return '{"%s":{}}' % fired.pop() if fired else None
def retract_fact(*_): return (0, 1)
"""
"""Whatever is asked, the rules have fired by which everything is known and passes: the first about each field."""
