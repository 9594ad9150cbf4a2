// Colors texts by the engines of the editors themselves. In: JSON of the grammar's and the mode's paths, and of texts.
// Out: for each text the tokens, with start and end in UTF-16 units, and what the engine calls them.
