"""One style, one function a figure.

Takes findings and tables and returns matplotlib figures; estimates nothing.
"""
