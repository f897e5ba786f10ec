// Weibo reads the tower of MSRA entities.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { msra: 2 }, recipe.asymmetric('weibo', ['msra']), test=false) + recipe.few_sentences
