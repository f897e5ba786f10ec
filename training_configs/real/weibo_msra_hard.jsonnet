// Weibo with MSRA entities, sharing the encoder.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { msra: 2 }, recipe.hard_sharing, test=false) + recipe.few_sentences
