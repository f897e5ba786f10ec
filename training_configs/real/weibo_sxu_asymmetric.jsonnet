// Weibo reads the tower of SXU words.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { sxu: 2 }, recipe.asymmetric('weibo', ['sxu']), test=false) + recipe.few_sentences
