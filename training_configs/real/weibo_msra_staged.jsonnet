// First MSRA entities, then Weibo with the weights of MSRA; both heads read one tower.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1 }, recipe.hard_sharing, test=false) + recipe.staged('weibo', ['msra'], 1) + recipe.few_sentences
