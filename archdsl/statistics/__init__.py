"""Statistics of populations: errors and columns of numbers in, figures with their intervals out.

    distribution   the error's empirical distribution function, with its band
    best           where the best members lie, and how good the best of so many is
    fits           how costs grow with each other
    linear         how well a quantized linear rule explains the widths of blocks
    profile        the widths of good, middling and bad members by block
    front          the members that no other is better than, of cost and error
    comparison     whether two populations differ, and what difference so many members could have shown

All take arrays, or what NumPy makes one of, with an element for each member; none knows of tables, spaces or files.
What is wrong with the numbers is a ValueError. Nothing is drawn at random but the permutations of `comparison`, by a
seed.
These modules load NumPy at once; others load them when they are used. scipy is an extra, loaded where it is needed.
"""
