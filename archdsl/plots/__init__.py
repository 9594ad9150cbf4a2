"""Figures of networks: block widths, channel configurations, costs under scaling and by stage.

    rows      networks       -> what is drawn, in whole numbers: the rows of every table
    figures   rows           -> a figure: panels of series of points, with words
    draw      a figure       -> SVG, PDF or PNG; the only place that knows matplotlib

Nothing here reads or writes a file. Every number of a picture stands in the rows.
"""
