"""How a network is trained: a recipe as plain data, apart from its language and from the code it becomes."""
