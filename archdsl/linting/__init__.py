"""What an engine runs badly or not at all: rules that are data, each with the document that says so.

rules         a target's rules, as they stand in specs/targets/*.json or in a file of the user's
quantities    what a rule may ask of an operation
findings      the operations of a network that rules speak of
"""
