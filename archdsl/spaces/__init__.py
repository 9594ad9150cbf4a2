"""Design spaces: many networks in one text.

    laws      finite domains with probabilities
    space     a space: its draws, derived names, requirements and model
    declared  a declaration                          -> a space
    member    a space and one of its settings        -> a model with its network, or what refused it
    arrays    what is worked out for many settings at once: draws of them, which are valid, what they cost

A setting is one number for each dimension: the number of the drawn value in its domain. `member` is the definition of
what a setting means; `arrays.engine` gives the same for all rows of an array at once.
"""
