"""What is worked out for many settings at once, on arrays. These modules alone load NumPy as they begin; others load
them when they need them.
"""
